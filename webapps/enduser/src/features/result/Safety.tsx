import type { Recommendation } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { byGravity } from '../../case/gravity.ts'
import { useText } from '../../text.ts'
import classes from './Safety.module.css'
import { SourceChips, type Show } from './SourceChips.tsx'
import type { Sources } from './sources.ts'

/** The safety band: above every option, and never silent about having found nothing. */
export function Safety({ recommendation: r, sources, show }: { recommendation: Recommendation; sources: Sources; show: Show }) {
  const t = useText()
  return (
    <section className="stack-tight" aria-labelledby="safety">
      <h2 id="safety">{t('result.safety')}</h2>
      {r.warnings.length === 0 && <p className="muted">{t('result.safetyNone')}</p>}
      <ul className={classes.list}>
        {byGravity(r.warnings).map((warning, i) => (
          <li key={`${warning.code}-${i}`}>
            <SeverityBand indicator={warning.indicator} title={warning.summary}>
              {warning.detail && <p className={classes.detail}>{warning.detail}</p>}
              <SourceChips citations={warning.citations} sources={sources} show={show} />
            </SeverityBand>
          </li>
        ))}
      </ul>
    </section>
  )
}
