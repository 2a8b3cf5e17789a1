import { useShared } from '../i18n/i18n.ts'
import { Passage } from '../passage/Passage.tsx'
import classes from './Quote.module.css'

/** A verbatim quotation, or the plain statement that none can be shown. */
export function Quote({ text, lang }: { text: string | null; lang?: string }) {
  const t = useShared()
  if (text === null || text === '') return <p className="small muted">{t('citation.noQuote')}</p>
  return (
    <blockquote className={classes.quote}>
      <Passage text={text} lang={lang} label={t('citation.quote')} />
    </blockquote>
  )
}
