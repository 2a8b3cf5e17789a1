import { useEffect, useMemo, useRef, useState } from 'react'
import { useShared } from '../i18n/i18n.ts'
import { scrollWithin } from '../view/scrollWithin.ts'
import { locate } from './locate.ts'
import { Passage } from './Passage.tsx'
import classes from './SourcePage.module.css'

type Props = { text: string; lang?: string; quoted?: string }

/** A page of the source, laid out or as it was uploaded, with the passage marked where it stands word for word. */
export function SourcePage({ text, lang, quoted }: Props) {
  const t = useShared()
  const [raw, setRaw] = useState(false)
  const span = useMemo(() => (quoted ? locate(text, quoted) : null), [text, quoted])
  const marked = useRef<HTMLElement>(null)
  useEffect(() => {
    if (span && marked.current) scrollWithin(marked.current)
  }, [span, raw])
  const parts = span ? [text.slice(0, span.start), text.slice(span.start, span.end), text.slice(span.end)] : [text]
  return (
    <div className="stack-tight">
      <div className="row">
        <label className="small">
          <input type="checkbox" checked={raw} onChange={(event) => setRaw(event.currentTarget.checked)} /> {t('source.raw')}
        </label>
        {quoted && !span && (
          <span className="small" role="status">
            {t('source.notFound')}
          </span>
        )}
      </div>
      {raw ? (
        <pre className={classes.raw} lang={lang} tabIndex={0}>
          {parts.map((part, i) => (i === 1 ? <mark key={i} ref={marked}>{part}</mark> : part))}
        </pre>
      ) : (
        <div className={classes.page}>
          {parts.map((part, i) =>
            i === 1 ? (
              <div key={i} className={classes.marked} role="mark" ref={(element) => void (marked.current = element)}>
                <Passage text={part} lang={lang} label={t('source.table')} />
              </div>
            ) : (
              <Passage key={i} text={part} lang={lang} label={t('source.table')} />
            ),
          )}
        </div>
      )}
    </div>
  )
}
