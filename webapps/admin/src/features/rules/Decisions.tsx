import { Button } from '@mantine/core'
import { useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText, type TextKey } from '../../text.ts'
import { useDecision, useDecisions } from './api.ts'
import { RulesNav } from './parts.tsx'
import classes from './rules.module.css'
import { Outcome } from './Traced.tsx'
import type { DecisionRow } from './types.ts'

const answers = new Set(['accepted', 'modified', 'overridden'])
const shortName = (url: string) => url.split('|')[0]?.split('/').pop() ?? url

/** The newest decisions of all rules, and the one whose card led here. */
export function DecisionsPage() {
  const t = useText()
  const decisions = useDecisions('')
  const { card } = useSearch({ strict: false })
  const [open, setOpen] = useState<string | null>(null)
  return (
    <Page title={t('rules.nav.decisions')} lead={t('rules.decisionsLead')}>
      <RulesNav />
      {card && !open && <DecisionView id={card} />}
      {decisions.isPending && <Loading lines={4} />}
      {decisions.isError && <Failure error={decisions.error} onRetry={() => void decisions.refetch()} />}
      {decisions.data?.length === 0 && <Empty title={t('rules.noDecision')} />}
      {decisions.data && decisions.data.length > 0 && <DecisionTable decisions={decisions.data} onOpen={setOpen} />}
      {open && <DecisionView key={open} id={open} />}
    </Page>
  )
}

export function DecisionTable({ decisions, onOpen }: { decisions: DecisionRow[]; onOpen: (id: string) => void }) {
  const t = useText()
  const lang = useLang()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.decisions')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('rules.when')}</th>
            <th scope="col">{t('rules.service')}</th>
            <th scope="col">{t('rules.applying')}</th>
            <th scope="col">{t('rules.answer')}</th>
          </tr>
        </thead>
        <tbody>
          {decisions.map((d) => (
            <tr key={d.id}>
              <th scope="row">
                <Button size="compact-sm" variant="subtle" onClick={() => onOpen(d.id)}>
                  {formatDate(d.at, lang)}
                </Button>
              </th>
              <td className="small">
                {d.service}
                {d.client && <div className="muted">{d.client}</div>}
              </td>
              <td className={`small ${classes.wrap}`}>{d.rules.map(shortName).join(', ') || '–'}</td>
              <td className="small">{answers.has(d.outcome) ? t(`rules.${d.outcome}` as TextKey) : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** What was looked at for one decision. Values of the patient are not kept, so none are here. */
export function DecisionView({ id }: { id: string }) {
  const t = useText()
  const lang = useLang()
  const decision = useDecision(id)
  if (decision.isPending) return <Loading lines={3} />
  if (decision.isError) return <Failure error={decision.error} onRetry={() => void decision.refetch()} />
  const d = decision.data
  return (
    <section className="stack" aria-label={t('rules.decision')}>
      <h2>{t('rules.decisionOf', { at: formatDate(d.at, lang) })}</h2>
      <p className="small muted">{t('rules.noValues')}</p>
      <dl className={shapes.list}>
        <dt>{t('rules.service')}</dt>
        <dd>{[d.service, d.hook, d.client].filter((x) => x !== '').join(' · ')}</dd>
        <dt>{t('rules.applying')}</dt>
        <dd className={classes.wrap}>{d.rules.map((r) => `${shortName(r)} ${r.split('|')[1] ?? ''}`).join(', ')}</dd>
        <dt>{t('rules.ran2')}</dt>
        <dd className={classes.wrap}>{d.ran.join(', ') || '–'}</dd>
        <dt>{t('rules.skipped')}</dt>
        <dd>{d.skipped.map((s) => (s.missing.length > 0 ? `${s.check} (${s.missing.join(', ')})` : s.check)).join(' · ') || '–'}</dd>
        {d.answers.length > 0 && (
          <>
            <dt>{t('rules.answer')}</dt>
            <dd>
              {d.answers.map((a, i) => (
                <div key={i}>
                  {answers.has(a.outcome) ? t(`rules.${a.outcome}` as TextKey) : a.outcome}
                  {a.reason && `: ${a.reason}`} <span className="muted">{formatDate(a.at, lang)}</span>
                </div>
              ))}
            </dd>
          </>
        )}
      </dl>
      <details open={d.looked.length < 20}>
        <summary>{t('rules.lookedCount', { count: d.looked.length })}</summary>
        <ul className={classes.hits}>
          {d.looked.map((l, i) => (
            <li key={i} className={classes.hit}>
              <div className="row">
                <span className={classes.wrap}>
                  {shortName(l.plan)} · {l.at}
                </span>
                <Outcome outcome={l.outcome} />
              </div>
              {l.conditions.map((c, j) => (
                <div key={j} className="row small">
                  <span className={`code ${classes.wrap}`}>{c.expression}</span>
                  <Outcome outcome={c.outcome} />
                </div>
              ))}
            </li>
          ))}
        </ul>
      </details>
    </section>
  )
}
