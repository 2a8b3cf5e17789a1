import { Button } from '@mantine/core'
import { useState } from 'react'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { Confirm } from '../../system/Confirm.tsx'
import { State } from '../../system/State.tsx'
import { useText } from '../../text.ts'
import { useCases, useDeleteCase, useTest } from './api.ts'
import { CaseForm } from './CaseForm.tsx'
import type { Rule } from './rule.ts'
import type { CaseRun, CaseSummary, Reach } from './types.ts'

/** The cases of a rule: what they expect, whether it comes, and what of the rule they reach. */
export function Cases({ rule, dirty }: { rule: Rule; dirty: boolean }) {
  const t = useText()
  const may = useMay()
  const cases = useCases(rule.url)
  const test = useTest(rule.type, rule.id)
  const remove = useDeleteCase()
  const [editing, setEditing] = useState<CaseSummary | 'new' | null>(null)
  const [removing, setRemoving] = useState<CaseSummary | null>(null)
  const results = new Map(test.data?.cases.map((c) => [c.id, c]))
  return (
    <div className="stack">
      <div className="row">
        {may('rules:try') && (
          <Button loading={test.isPending} disabled={dirty || !cases.data?.length} onClick={() => test.mutate()}>
            {t('rules.runCases')}
          </Button>
        )}
        {may('rules:write') && (
          <Button variant="default" onClick={() => setEditing('new')}>
            {t('rules.addCase')}
          </Button>
        )}
        {dirty && <span className="small muted">{t('rules.saveFirst')}</span>}
      </div>
      {cases.isPending && <Loading lines={2} />}
      {cases.isError && <Failure error={cases.error} onRetry={() => void cases.refetch()} />}
      {test.isError && <Failure error={test.error} />}
      {test.data && (
        <div role="status">
          <SeverityBand indicator={test.data.failed > 0 ? 'warning' : 'info'} title={t('rules.ran', { passed: test.data.passed, failed: test.data.failed })} />
        </div>
      )}
      {cases.data?.length === 0 && (
        <Empty title={t('rules.noCase')}>
          <p>{t('rules.noCaseHint')}</p>
        </Empty>
      )}
      {editing && (
        <CaseForm
          key={editing === 'new' ? '' : editing.id}
          rule={rule}
          existing={editing === 'new' ? null : editing}
          onDone={() => {
            test.reset()
            setEditing(null)
          }}
        />
      )}
      {cases.data && cases.data.length > 0 && (
        <ul className={shapes.plain}>
          {cases.data.map((c) => {
            const result = results.get(c.id)
            return (
              <li key={c.id} className={shapes.panel}>
                <div className="stack-tight">
                  <div className="row">
                    <h2>{c.title || c.id}</h2>
                    {result && <State is={result.passed ? 'good' : 'bad'}>{t(result.passed ? 'rules.passed' : 'rules.failed')}</State>}
                    {c.origin === 'shipped' && <span className="small muted">{t('rules.states.shipped')}</span>}
                  </div>
                  {c.why && <p className="small muted">{c.why}</p>}
                  {result && result.differences.length > 0 && (
                    <ul className="small">
                      {result.differences.map((d, i) => (
                        <li key={i}>
                          {d.text}
                          {d.expected && <span className="muted"> ({d.expected})</span>}
                        </li>
                      ))}
                    </ul>
                  )}
                  {may('rules:write') && c.origin === 'site' && (
                    <div className="row">
                      <Button size="compact-sm" variant="default" onClick={() => setEditing(c)} aria-label={t('rules.editOf', { what: c.title || c.id })}>
                        {t('rules.edit')}
                      </Button>
                      <Button size="compact-sm" variant="default" onClick={() => setRemoving(c)} aria-label={t('rules.removeOf', { what: c.title || c.id })}>
                        {t('rules.remove')}
                      </Button>
                    </div>
                  )}
                </div>
              </li>
            )
          })}
        </ul>
      )}
      {test.data && <Reached run={test.data} />}
      <Confirm
        open={removing !== null}
        title={t('rules.removeCaseTitle')}
        confirm={t('rules.remove')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => removing && remove.mutate(removing.id, { onSuccess: () => setRemoving(null) })}
        onClose={() => setRemoving(null)}
      >
        <p>{removing?.title || removing?.id}</p>
      </Confirm>
    </div>
  )
}

function Reached({ run }: { run: CaseRun }) {
  const t = useText()
  const lang = useLang()
  const { never, always, untried, reached } = run.coverage
  const name = (r: Reach) => r.title[lang] || r.title.de || r.at
  return (
    <section className="stack-tight" aria-label={t('rules.coverage')}>
      <h2>{t('rules.coverage')}</h2>
      {never.length > 0 && <SeverityBand indicator="warning" title={t('rules.never', { actions: never.map(name).join(', ') })} />}
      {always.length > 0 && <SeverityBand indicator="info" title={t('rules.alwaysTaken', { actions: always.map(name).join(', ') })} />}
      {untried.length > 0 && <p className="small">{t('rules.untried', { conditions: untried.join(' · ') })}</p>}
      <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.coverage')}>
        <table className={`${shapes.table} ${shapes.tight}`}>
          <thead>
            <tr>
              <th scope="col">{t('rules.action')}</th>
              <th scope="col" className={shapes.number}>
                {t('rules.lookedAt')}
              </th>
              <th scope="col" className={shapes.number}>
                {t('rules.taken')}
              </th>
              <th scope="col">{t('rules.conditions')}</th>
            </tr>
          </thead>
          <tbody>
            {reached.map((r) => (
              <tr key={r.at}>
                <th scope="row">{name(r)}</th>
                <td className={shapes.number}>{r.looked}</td>
                <td className={shapes.number}>{r.taken}</td>
                <td className="small">
                  {r.conditions.map((c, i) => (
                    <div key={i}>
                      <span className="code">{c.expression}</span>{' '}
                      {t('rules.counts', { yes: c.true, no: c.false, open: c.undetermined, error: c.error })}
                    </div>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
