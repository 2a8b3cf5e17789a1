import { Link } from '@tanstack/react-router'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import type { Case } from '../../case/cases.ts'
import { contextFacts, formatFact } from '../../case/facts.ts'
import { useText } from '../../text.ts'
import classes from './ContextStrip.module.css'

/** What the recommendation is about, in view while the options are read. */
export function ContextStrip({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const lang = useLang()
  return (
    <section className={classes.strip} aria-label={t('result.context')}>
      <p className={classes.lead}>
        <strong>{r.indication?.display ?? t('review.noIndication')}</strong>
        {r.severity && <span> · {t(`request.${r.severity.value}`)}</span>}
      </p>
      <ul className={classes.facts}>
        {contextFacts(r.facts).map((fact) => (
          <li key={fact.name} data-unknown={fact.state === 'unknown' || undefined}>
            <span className="muted">{fact.display}</span> <span className="num nowrap">{formatFact(fact, lang, t)}</span>
          </li>
        ))}
      </ul>
      <Link to="/case/$id/review" params={{ id: c.id }} className="small">
        {t('result.toReview')}
      </Link>
    </section>
  )
}
