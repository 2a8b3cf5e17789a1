import { useState } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useDecisions, useUses } from './api.ts'
import { DecisionTable, DecisionView } from './Decisions.tsx'
import { Rate } from './RulesPage.tsx'
import classes from './rules.module.css'
import type { RuleUse } from './types.ts'

/** What became of one rule: answers, reasons, weeks, and the decisions it applied in. */
export function Happened({ url }: { url: string }) {
  const t = useText()
  const lang = useLang()
  const uses = useUses(url)
  const decisions = useDecisions(url)
  const [open, setOpen] = useState<string | null>(null)
  const use = uses.data?.rules.find((u) => u.url === url)
  return (
    <div className="stack">
      {uses.isPending && <Loading lines={2} />}
      {uses.isError && <Failure error={uses.error} onRetry={() => void uses.refetch()} />}
      {uses.data && !use && (
        <Empty title={t('rules.neverApplied')}>
          <p>{t('rules.neverAppliedHint')}</p>
        </Empty>
      )}
      {use && (
        <>
          <dl className={shapes.list}>
            <dt>{t('rules.applications')}</dt>
            <dd className="num">{use.decisions}</dd>
            <dt>{t('rules.overrides')}</dt>
            <dd>
              <Rate use={use} lang={lang} />
            </dd>
          </dl>
          <Reasons use={use} />
          <Weeks use={use} />
        </>
      )}
      {decisions.data && decisions.data.length > 0 && (
        <>
          <h2>{t('rules.decisions')}</h2>
          <DecisionTable decisions={decisions.data} onOpen={setOpen} />
          {open && <DecisionView id={open} />}
        </>
      )}
    </div>
  )
}

export function Reasons({ use }: { use: RuleUse }) {
  const t = useText()
  if (use.reasons.length === 0) return null
  return (
    <section aria-label={t('rules.reasons')} className="stack-tight">
      <h2>{t('rules.reasons')}</h2>
      <ul>
        {use.reasons.map((r) => (
          <li key={`${r.system}|${r.code}`}>
            {r.display || r.code || t('rules.noReason')}: <span className="num">{r.count}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Weeks({ use }: { use: RuleUse }) {
  const t = useText()
  const lang = useLang()
  if (use.weeks.length === 0) return null
  const most = Math.max(...use.weeks.map((w) => w.accepted + w.modified + w.overridden))
  return (
    <section aria-label={t('rules.weeks')} className="stack-tight">
      <h2>{t('rules.weeks')}</h2>
      <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.weeks')}>
        <table className={`${shapes.table} ${shapes.tight}`}>
          <thead>
            <tr>
              <th scope="col">{t('rules.weekOf')}</th>
              <th scope="col" className={shapes.number}>
                {t('rules.accepted')}
              </th>
              <th scope="col" className={shapes.number}>
                {t('rules.modified')}
              </th>
              <th scope="col" className={shapes.number}>
                {t('rules.overridden')}
              </th>
              <th scope="col">{t('rules.share')}</th>
            </tr>
          </thead>
          <tbody>
            {use.weeks.map((w) => (
              <tr key={w.monday}>
                <th scope="row" className="nowrap">
                  {formatDate(w.monday, lang)}
                </th>
                <td className={shapes.number}>{w.accepted}</td>
                <td className={shapes.number}>{w.modified}</td>
                <td className={shapes.number}>{w.overridden}</td>
                <td className={classes.cell}>
                  <div className={classes.bar} style={{ width: `${(100 * w.overridden) / most}%` }} aria-hidden="true" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
