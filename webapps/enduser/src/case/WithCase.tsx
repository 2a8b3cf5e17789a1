import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useText } from '../text.ts'
import { useCases, type Case } from './cases.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { useRecommendation } from './recommendation.ts'

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
    void navigate({ to: c.origin === 'form' ? '/case/new/form' : c.origin === 'bundle' ? '/case/new/bundle' : '/' })
  }
  if (recommendation.data) return children(recommendation.data)
  if (recommendation.isError) {
    return (
      <Failure error={recommendation.error} onRetry={() => void recommendation.refetch()}>
        <button type="button" className="link" onClick={back}>
          {t('review.back')}
        </button>
      </Failure>
    )
  }
  return <Loading lines={4} onCancel={back} />
}
