import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { ExampleBanner } from '@cdss/shared/clinical/ExampleBanner.tsx'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { dispatch, type Case } from '../../case/cases.ts'
import { foundRisks } from '../../case/facts.ts'
import fields from '../../case/fields.module.css'
import { IndicationField, MoreFields, RiskFields, SeverityField } from '../../case/RequestFields.tsx'
import { originPath } from '../../case/origin.ts'
import { WithCase } from '../../case/WithCase.tsx'
import { useText } from '../../text.ts'
import { LaunchBand } from '../../servers/LaunchBand.tsx'
import { MissingList } from './MissingList.tsx'
import { Scores } from './Scores.tsx'
import classes from './ReviewPage.module.css'
import { UsedFacts } from './UsedFacts.tsx'

export function ReviewPage({ id }: { id: string }) {
  const t = useText()
  return (
    <WithCase id={id} title={t('review.title')} lead={t('review.lead')}>
      {(c, r) => <Review case={c} recommendation={r} />}
    </WithCase>
  )
}

function Review({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  return (
    <>
      {r.banner && <ExampleBanner text={r.banner} />}
      <LaunchBand case={c} />
      <Question case={c} recommendation={r} />
      <section className="stack" aria-labelledby="missing">
        <h2 id="missing">{t('review.missing')}</h2>
        <MissingList case={c} recommendation={r} />
      </section>
      <section className="stack" aria-labelledby="used">
        <h2 id="used">{t('review.used')}</h2>
        <UsedFacts facts={r.facts} />
      </section>
      <section className="stack-tight" aria-labelledby="ignored">
        <h2 id="ignored">{t('review.ignored')}</h2>
        {r.ignored.length === 0 ? (
          <p className="muted">{t('review.ignoredNone')}</p>
        ) : (
          <ul className={classes.plain}>
            {r.ignored.map((entry, i) => (
              <li key={i}>
                <span className="code">{entry.reference}</span>: {entry.reason}
              </li>
            ))}
          </ul>
        )}
      </section>
      <div className={classes.bar}>
        <Button size="md" renderRoot={(props) => <Link {...props} to="/case/$id" params={{ id: c.id }} />}>
          {t('review.toResult')}
        </Button>
        <Link to={originPath(c)}>{t('review.back')}</Link>
      </div>
    </>
  )
}

/** Indication and severity as understood, with their basis; both can be set here. */
function Question({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const field = { request: c.request, change: (patch: typeof c.request) => dispatch({ type: 'request', id: c.id, patch }) }
  return (
    <section className={fields.section} aria-labelledby="question">
      <div className="stack">
        <h2 id="question">{t('review.question')}</h2>
        {r.indication === null && <SeverityBand indicator="warning" title={t('review.noIndication')} />}
        <dl className={classes.question}>
          <div>
            <dt>{t('review.indicationFrom')}</dt>
            <dd>
              <strong>{r.indication?.display ?? t('facts.unknown')}</strong>
            </dd>
          </div>
          <div>
            <dt>{t('review.severityFrom')}</dt>
            <dd>
              <strong>{r.severity ? t(`request.${r.severity.value}`) : t('review.noSeverity')}</strong>
              {r.severity?.basis && <span className="small muted"> {r.severity.basis}</span>}
            </dd>
          </div>
        </dl>
        <Scores recommendation={r} />
        <details open={r.indication === null}>
          <summary>{t('review.change')}</summary>
          <div className="stack">
            <IndicationField {...field} />
            <SeverityField {...field} />
            <RiskFields {...field} found={foundRisks(r.facts)} />
            <MoreFields {...field} />
          </div>
        </details>
      </div>
    </section>
  )
}
