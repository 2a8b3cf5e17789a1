import { Button } from '@mantine/core'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useVerify } from './api.ts'
import type { Verification } from './types.ts'

/** Recomputes the chain of the trail and names every place that is not as it was written. */
export function Verify() {
  const t = useText()
  const verify = useVerify()
  return (
    <section className={`${shapes.panel} stack-tight`} aria-labelledby="verify">
      <h2 id="verify">{t('system.audit.verifyTitle')}</h2>
      <p className="small muted">{t('system.audit.verifyLead')}</p>
      <div>
        <Button variant="default" loading={verify.isPending} onClick={() => verify.mutate()}>
          {t('system.audit.verify')}
        </Button>
      </div>
      {verify.isError && <Failure error={verify.error} />}
      {verify.data && <Result result={verify.data} />}
    </section>
  )
}

function Result({ result: r }: { result: Verification }) {
  const t = useText()
  const lang = useLang()
  const n = (value: number) => formatNumber(value, lang)
  const sum = (
    <p className="small">
      {t('system.audit.verified', { events: n(r.events), heads: n(r.heads) })}
      {r.deleted > 0 && ` ${t('system.audit.deleted', { count: n(r.deleted) })}`}
      {r.waiting > 0 && ` ${t('system.audit.waiting', { count: n(r.waiting) })}`}
    </p>
  )
  if (r.faults.length === 0) {
    return (
      <div role="status">
        <SeverityBand indicator="info" title={t('system.audit.intact')}>
          {sum}
        </SeverityBand>
      </div>
    )
  }
  return (
    <div role="alert">
      <SeverityBand indicator="critical" title={t('system.audit.broken', { count: r.faults.length + r.moreFaults })}>
        <ul className="small">
          {r.faults.map((f, i) => (
            <li key={i}>
              {f.position ? `${t('system.audit.position', { position: n(f.position) })}: ` : ''}
              {f.problem}
              {f.event && <span className="code">{` AuditEvent/${f.event}`}</span>}
            </li>
          ))}
        </ul>
        {sum}
      </SeverityBand>
    </div>
  )
}
