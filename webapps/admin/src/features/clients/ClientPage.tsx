import { useNavigate, Link } from '@tanstack/react-router'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useClients } from '../../system/api.ts'
import { newClient } from '../../system/registrations.ts'
import { useText } from '../../text.ts'
import { ClientForm } from './ClientForm.tsx'

/** One registration, or a new one where no name is given. */
export function ClientPage({ name }: { name: string | null }) {
  const t = useText()
  const navigate = useNavigate()
  const clients = useClients()
  const found = name === null ? newClient : clients.data?.find((c) => c.name === name)
  return (
    <Page title={name ?? t('system.clients.add')}>
      <p>
        <Link to="/system/clients">{t('system.clients.back')}</Link>
      </p>
      {!found && clients.isPending && <Loading lines={4} />}
      {!found && clients.isError && <Failure error={clients.error} onRetry={() => void clients.refetch()} />}
      {!found && clients.data && <Empty title={t('system.clients.gone')} />}
      {found && <ClientForm start={found} existing={name !== null} onDone={() => void navigate({ to: '/system/clients' })} />}
    </Page>
  )
}
