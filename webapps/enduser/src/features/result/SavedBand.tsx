import { Button } from '@mantine/core'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { dispatch, type Case } from '../../case/cases.ts'
import fields from '../../case/fields.module.css'
import { useText } from '../../text.ts'
import { DifferenceList } from './DifferenceList.tsx'

/** A saved answer says when it is from; computed anew, it says what has changed since. */
export function SavedBand({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const lang = useLang()
  if (!c.saved) return null
  const date = formatDate(c.saved.recommendation.createdAt, lang)
  return (
    <section className={fields.section} aria-labelledby="saved-band">
      <div className="stack-tight">
        <h2 id="saved-band">{t(c.frozen ? 'saved.asSaved' : 'saved.since', { date })}</h2>
        {c.frozen ? (
          <>
            <p className="small muted">{t('saved.asSavedHint')}</p>
            <div>
              <Button variant="default" onClick={() => dispatch({ type: 'thaw', id: c.id })}>
                {t('saved.recompute')}
              </Button>
            </div>
          </>
        ) : c.saved.recommendation.language !== r.language ? (
          <p>{t('saved.otherLanguage')}</p>
        ) : (
          <DifferenceList before={c.saved.recommendation} after={r} />
        )}
      </div>
    </section>
  )
}
