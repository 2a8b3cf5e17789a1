import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { ApiError } from '@cdss/shared/api/error.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { openCase } from '../../case/cases.ts'
import { useText } from '../../text.ts'
import { fetchLaunch } from '../../servers/api.ts'
import { LaunchLinks } from '../../servers/LaunchLinks.tsx'

const outcomes = ['unknown-server', 'unreachable', 'refused', 'stale', 'no-patient', 'none'] as const
type Outcome = (typeof outcomes)[number] | 'failed'

const read = (word: string | null): Outcome | null => (word === null ? null : (outcomes.find((o) => o === word) ?? 'failed'))

/** Where a SMART launch ends: in the review of its patient, or in words about why not. */
export function LaunchPage() {
  const t = useText()
  const navigate = useNavigate()
  const [outcome] = useState(() => read(new URLSearchParams(location.search).get('outcome')))
  const opened = useRef(false)
  const launch = useQuery({
    queryKey: ['launch'],
    queryFn: ({ signal }) => fetchLaunch(signal),
    enabled: outcome === null,
    gcTime: 0,
    retry: false,
  })
  useEffect(() => {
    if (!launch.data || opened.current) return
    opened.current = true
    const { server, patient, missing } = launch.data
    const id = openCase({ origin: 'launch', remote: { server, patient }, unreadable: missing, request: {} })
    void navigate({ to: '/case/$id/review', params: { id }, replace: true })
  }, [launch.data, navigate])

  const none = launch.error instanceof ApiError && launch.error.fault === 'not-found'
  const said: Outcome | null = outcome ?? (none ? 'none' : null)
  return (
    <Page title={t('launch.title')}>
      {said === null && launch.isError && <Failure error={launch.error} onRetry={() => void launch.refetch()} />}
      {said === null && !launch.isError && <Loading lines={3} />}
      {said !== null && <Failed outcome={said} />}
    </Page>
  )
}

function Failed({ outcome }: { outcome: Outcome }) {
  const t = useText()
  const search = useMay()('patients:search')
  return (
    <>
      <div role="alert">
        <SeverityBand indicator="warning" title={t(`launch.outcome.${outcome}.title`)}>
          <p>{t(`launch.outcome.${outcome}.hint`)}</p>
        </SeverityBand>
      </div>
      {search && <LaunchLinks />}
      <p>
        <Link to="/">{t('handover.otherWays')}</Link>
      </p>
    </>
  )
}
