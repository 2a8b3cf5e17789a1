import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ApiError } from '@cdss/shared/api/error.ts'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useText } from '../text.ts'
import { useCases, type Case } from './cases.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { originPath } from './origin.ts'
import { useProgress, useRecommendation } from './recommendation.ts'

type Props = {
  id: string
  title: string
  lead?: string
  sheet?: boolean
  children: (c: Case, r: Recommendation) => ReactNode
}

/**
 * The states every screen of a case shares: gone after a reload, being
 * computed, failed with the input kept, or there.
 */
export function WithCase({ id, title, lead, sheet, children }: Props) {
  const t = useText()
  const found = useCases().cases[id]
  if (!found) {
    return (
      <Page title={title}>
        <Empty title={t('gone.title')}>
          <p>{t('gone.body')}</p>
          <Link to="/">{t('notFound.back')}</Link>
        </Empty>
      </Page>
    )
  }
  return (
    <Page title={title} lead={lead} sheet={sheet}>
      <Computed case={found}>{(r) => children(found, r)}</Computed>
    </Page>
  )
}

function Computed({ case: c, children }: { case: Case; children: (r: Recommendation) => ReactNode }) {
  const t = useText()
  const navigate = useNavigate()
  const client = useQueryClient()
  const recommendation = useRecommendation(c)
  const back = () => {
    void client.cancelQueries({ queryKey: ['recommendation', c.id] })
    void navigate({ to: originPath(c) })
  }
  if (c.frozen && c.saved) return children(c.saved.recommendation)
  if (recommendation.data) return children(recommendation.data)
  if (recommendation.isError) {
    const error: unknown = recommendation.error
    const refused = error instanceof ApiError && (error.reason === 'record-unauthorized' || error.reason === 'record-forbidden')
    return (
      <Failure error={error} onRetry={() => void recommendation.refetch()}>
        {c.origin === 'launch' && refused && <p>{t('launch.over')}</p>}
        {c.origin === 'launch' && c.remote && (
          <a href={`/smart/launch?server=${encodeURIComponent(c.remote.server)}`}>{t('launch.again')}</a>
        )}
        <button type="button" className="link" onClick={back}>
          {t('review.back')}
        </button>
      </Failure>
    )
  }
  return (
    <>
      <Loading lines={4} onCancel={back} />
      <Steps case={c} />
    </>
  )
}

/** What has been computed so far, as counts: a part of an answer is never shown as one. */
function Steps({ case: c }: { case: Case }) {
  const t = useText()
  const lang = useLang()
  const progress = useProgress(c)
  const done = (['facts', 'options', 'evidence'] as const).filter((step) => progress[step] !== undefined)
  if (done.length === 0) return null
  return (
    <p className="small muted">
      {done.map((step) => t(`progress.${step}`, { count: formatNumber(progress[step] ?? 0, lang) })).join(' · ')}
    </p>
  )
}
