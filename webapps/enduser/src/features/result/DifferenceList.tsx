import type { Recommendation } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { differenceOf, isEmpty, linesOf, type OptionChange } from '../../case/difference.ts'
import { useText } from '../../text.ts'
import classes from './DifferenceList.module.css'

/** What differs between two answers, each change with its word: nothing by colour alone. */
export function DifferenceList({ before, after }: { before: Recommendation; after: Recommendation }) {
  const t = useText()
  const d = differenceOf(before, after)
  if (isEmpty(d)) return <p>{t('difference.none')}</p>
  const sets = [
    ['excluded', d.excluded],
    ['warnings', d.warnings],
  ] as const
  return (
    <ul className={classes.list}>
      {d.severity && (
        <li>
          <strong>{t('request.severity')}:</strong> {before.severity ? t(`request.${before.severity.value}`) : t('review.noSeverity')} →{' '}
          {after.severity ? t(`request.${after.severity.value}`) : t('review.noSeverity')}
        </li>
      )}
      {d.options.map((change) => (
        <li key={`${change.kind} ${change.name}`} data-kind={change.kind}>
          <OptionLine change={change} />
        </li>
      ))}
      {sets.map(([name, set]) => (
        <Names key={name} added={set.added} removed={set.removed} addedText={t(`difference.${name}Added`)} removedText={t(`difference.${name}Removed`)} />
      ))}
      {d.knowledge.map((k) => (
        <li key={k.url} className="small">
          {t('difference.knowledge')} <span className="code">{k.url.split('/').at(-1)}</span>: {k.before || '–'} → {k.after}
        </li>
      ))}
    </ul>
  )
}

function OptionLine({ change }: { change: OptionChange }) {
  const t = useText()
  const lang = useLang()
  if (change.kind !== 'changed') {
    return (
      <>
        <span className={classes.word}>{t(`difference.${change.kind}`)}</span> <span className="num">{linesOf(change.option, lang)}</span>
      </>
    )
  }
  const { before, after } = change
  const [was, is] = [linesOf(before, lang), linesOf(after, lang)]
  const adjusted = after.ingredients.flatMap((i) => i.adjustments.map((a) => a.text))
  return (
    <>
      <span className={classes.word}>{t('difference.changed')}</span> <strong>{change.name}</strong>
      {change.rank && `: ${t('difference.rank', { before: before.rank, after: after.rank })}`}
      {change.recommended && ` · ${t(after.recommended ? 'difference.nowRecommended' : 'difference.notRecommended')}`}
      {was !== is && (
        <span className={classes.lines}>
          <s className="num">{was}</s>
          <span className="num">{is}</span>
        </span>
      )}
      {change.dose && adjusted.length > 0 && <span className="small muted"> {adjusted.join('; ')}</span>}
    </>
  )
}

function Names({ added, removed, addedText, removedText }: { added: string[]; removed: string[]; addedText: string; removedText: string }) {
  return (
    <>
      {added.length > 0 && (
        <li data-kind="new">
          <strong>{addedText}:</strong> {added.join('; ')}
        </li>
      )}
      {removed.length > 0 && (
        <li data-kind="gone">
          <strong>{removedText}:</strong> {removed.join('; ')}
        </li>
      )}
    </>
  )
}
