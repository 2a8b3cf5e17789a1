import type { Recommendation } from '@cdss/shared/api/types.ts'
import { useText } from '../../text.ts'
import classes from './Excluded.module.css'
import { SourceChips, type Show } from './SourceChips.tsx'
import type { Sources } from './sources.ts'

/** Substances left out, each with its reason. No dose stands here. */
export function Excluded({ recommendation: r, sources, show }: { recommendation: Recommendation; sources: Sources; show: Show }) {
  const t = useText()
  return (
    <section className="stack-tight" aria-labelledby="excluded">
      <h2 id="excluded">{t('result.excluded')}</h2>
      {r.excluded.length === 0 ? (
        <p className="muted">{t('result.excludedNone')}</p>
      ) : (
        <ul className={classes.list}>
          {r.excluded.map((entry, i) => (
            <li key={`${entry.atc}-${i}`}>
              <p>
                <strong>{entry.name}</strong> <span className={classes.reason}>{t(`result.reasons.${entry.reason}`)}</span>
              </p>
              {entry.detail && <p className="small">{entry.detail}</p>}
              <SourceChips citations={entry.citations} sources={sources} show={show} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

/** Checks that could not be made: as visible as those that were. */
export function NotCheckedList({ recommendation: r }: { recommendation: Recommendation }) {
  const t = useText()
  const nameOf = (fact: string) => r.facts.find((f) => f.name === fact)?.display ?? fact.replaceAll('-', ' ')
  return (
    <section className="stack-tight" aria-labelledby="not-checked">
      <h2 id="not-checked">{t('result.notChecked')}</h2>
      {r.notChecked.length === 0 ? (
        <p className="muted">{t('result.notCheckedNone')}</p>
      ) : (
        <ul className={classes.gaps}>
          {r.notChecked.map((gap, i) => (
            <li key={i}>
              <strong>{gap.check}</strong>
              {gap.reason && `: ${gap.reason}`}
              {gap.missing.length > 0 && (
                <span className="muted"> ({t('result.missing', { missing: gap.missing.map(nameOf).join(', ') })})</span>
              )}
            </li>
          ))}
        </ul>
      )}
      {r.notes.map((note) => (
        <p key={note} className="muted">
          {note}
        </p>
      ))}
    </section>
  )
}
