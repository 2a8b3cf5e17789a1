import { useNavigate, Link } from '@tanstack/react-router'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useServers } from '../../system/api.ts'
import { newServer } from '../../system/registrations.ts'
import { useText } from '../../text.ts'
import { ServerForm } from './ServerForm.tsx'

/** One registration, or a new one where no name is given. */
export function ServerPage({ name }: { name: string | null }) {
  const t = useText()
  const navigate = useNavigate()
  const servers = useServers()
  const found = name === null ? newServer : servers.data?.find((s) => s.name === name)
  return (
    <Page title={name ?? t('system.servers.add')}>
      <p>
        <Link to="/system/servers">{t('system.servers.back')}</Link>
      </p>
      {!found && servers.isPending && <Loading lines={4} />}
      {!found && servers.isError && <Failure error={servers.error} onRetry={() => void servers.refetch()} />}
      {!found && servers.data && <Empty title={t('system.servers.gone')} />}
      {found && <ServerForm start={found} existing={name !== null} onDone={() => void navigate({ to: '/system/servers' })} />}
    </Page>
  )
}
