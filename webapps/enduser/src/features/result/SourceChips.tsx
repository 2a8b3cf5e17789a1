import type { Citation } from '@cdss/shared/api/types.ts'
import { shortSource, sourceKey } from '@cdss/shared/clinical/source.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import classes from './SourceChips.module.css'
import type { Sources } from './sources.ts'

export type Show = (key: string, from: HTMLElement) => void

/** One button for each place cited: number, document and page. It opens the passage. */
export function SourceChips({ citations, sources, show }: { citations: Citation[]; sources: Sources; show: Show }) {
  const t = useShared()
  const lang = useLang()
  const seen = new Set<string>()
  const unique = citations.filter((c) => {
    const key = sourceKey(c)
    return !seen.has(key) && seen.add(key)
  })
  if (unique.length === 0) return null
  return (
    <span className={classes.chips}>
      {unique.map((citation) => {
        const key = sourceKey(citation)
        return (
          <button
            key={key}
            type="button"
            className={classes.chip}
            data-source
            onClick={(event) => show(key, event.currentTarget)}
          >
            <span className="visually-hidden">{t('citation.show')} </span>
            <span className={classes.number}>{sources.numberOf(citation)}</span>
            <span className={classes.text}>{shortSource(citation, lang)}</span>
          </button>
        )
      })}
    </span>
  )
}
