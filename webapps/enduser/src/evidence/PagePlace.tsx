import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ApiError } from '@cdss/shared/api/error.ts'
import { call } from '@cdss/shared/api/call.ts'
import type { Box, Guideline } from '@cdss/shared/api/types.ts'
import { PageImage } from '@cdss/shared/passage/PageImage.tsx'
import { SourcePage } from '@cdss/shared/passage/SourcePage.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useText } from '../text.ts'

type Place = {
  guideline: Guideline
  sheet: number
  page: number | null
  width: number
  height: number
  boxes: Box[]
  text: string
  start: number
  end: number
  image: string
}

/**
 * The page that a quotation is printed on, with the words marked where the server has
 * them stored. Where they were not found, or in another version than the one cited,
 * that is said and nothing is marked.
 */
export function PagePlace({ document, version, quote }: { document: string; version: string; quote: string }) {
  const t = useText()
  const place = useQuery({
    queryKey: ['place', document, version, quote],
    queryFn: ({ signal }) => call<Place>('/guidelines/locate', { method: 'POST', body: { document, quote }, signal }),
    staleTime: Infinity,
    retry: false,
  })
  if (place.isPending) return <Loading lines={2} />
  if (place.isError) {
    const gone = place.error instanceof ApiError && place.error.fault === 'not-found'
    if (gone) return <p className="small">{t('evidence.notFound')}</p>
    return <Failure error={place.error} onRetry={() => void place.refetch()} />
  }
  const p = place.data
  if (version !== '' && p.guideline.version !== version) return <p className="small">{t('evidence.otherVersion', { version: p.guideline.version || '–' })}</p>
  const quoted = Array.from(p.text).slice(p.start, p.end).join('')
  return (
    <div className="stack-tight">
      <p className="small muted">
        {p.page !== null && t('evidence.page', { page: p.page })}{' '}
        <Link to="/guidelines/$id/p/$sheet" params={{ id: p.guideline.id, sheet: String(p.sheet) }}>
          {t('evidence.read')}
        </Link>
      </p>
      {p.image ? (
        <>
          <PageImage image={p.image} width={p.width} height={p.height} page={p.page ?? p.sheet} boxes={p.boxes} text={quoted} lang={p.guideline.language} />
          {p.boxes.length === 0 && <p className="small muted">{t('evidence.noBoxes')}</p>}
        </>
      ) : (
        <SourcePage text={p.text} lang={p.guideline.language} quoted={quoted} />
      )}
    </div>
  )
}
