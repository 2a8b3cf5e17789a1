import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { Bundle } from 'fhir/r4'
import { useEffect } from 'react'
import { call } from '@cdss/shared/api/call.ts'
import { ApiError } from '@cdss/shared/api/error.ts'
import type { RecommendationRequest } from '@cdss/shared/api/types.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { openCase } from '../../case/cases.ts'
import { useText } from '../../text.ts'
import { handed, type Handed } from './fragment.ts'

/** A case that another system handed over: fetched once, then reviewed like any other. */
export function HandoverPage() {
  const t = useText()
  const navigate = useNavigate()
  const { mutate, ...open } = useMutation({
    mutationFn: ({ id, key }: Handed) => call<RecommendationRequest>(`/handovers/${id}/open`, { method: 'POST', body: { key } }),
    onSuccess: (given) => {
      const remote = given.server && given.patient ? { server: given.server, patient: patientOf(given.patient) } : undefined
      const id = openCase({ origin: 'handover', bundle: (given.bundle as Bundle | undefined) ?? null, remote, request: given.request ?? {} })
      void navigate({ to: '/case/$id/review', params: { id }, replace: true })
    },
  })
  useEffect(() => {
    const take = () => {
      const found = handed()
      if (found) mutate(found)
    }
    take()
    window.addEventListener('hashchange', take)
    return () => window.removeEventListener('hashchange', take)
  }, [mutate])

  const gone = open.error instanceof ApiError && open.error.fault === 'not-found'
  return (
    <Page title={t('handover.title')}>
      {open.isPending && <Loading lines={2} />}
      {open.isError && !gone && <Failure error={open.error} onRetry={() => open.variables && mutate(open.variables)} />}
      {(open.isIdle || gone) && (
        <Empty title={t('handover.gone')}>
          <p>{t('handover.goneHint')}</p>
          <Link to="/">{t('handover.otherWays')}</Link>
        </Empty>
      )}
    </Page>
  )
}

const patientOf = (reference: string) => (reference.startsWith('Patient/') ? reference : `Patient/${reference}`)
