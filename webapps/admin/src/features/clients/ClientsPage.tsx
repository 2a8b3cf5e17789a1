import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useClients } from '../../system/api.ts'
import { State } from '../../system/State.tsx'
import type { CdsClient } from '../../system/registrations.ts'
import { useText } from '../../text.ts'

export function ClientsPage() {
  const t = useText()
  const clients = useClients()
  const may = useMay()
  const list = clients.data ?? []
  return (
    <Page title={t('system.clients.title')} lead={t('system.clients.lead')}>
      {may('registrations:write') && (
        <div>
          <Button
            leftSection={<IconPlus size={18} aria-hidden="true" />}
            renderRoot={(props) => <Link {...props} to="/system/new-client" />}
          >
            {t('system.clients.add')}
          </Button>
        </div>
      )}
      {clients.isPending && <Loading lines={3} />}
      {clients.isError && <Failure error={clients.error} onRetry={() => void clients.refetch()} />}
      {clients.data && list.length === 0 && (
        <Empty title={t('system.clients.empty')}>
          <p>{t('system.clients.emptyHint')}</p>
        </Empty>
      )}
      {list.length > 0 && <Table clients={list} />}
    </Page>
  )
}

function Table({ clients }: { clients: CdsClient[] }) {
  const t = useText()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('system.clients.title')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('system.name')}</th>
            <th scope="col">{t('system.state')}</th>
            <th scope="col">{t('system.clients.keys')}</th>
            <th scope="col">{t('system.servers.title')}</th>
            <th scope="col">{t('system.clients.deadline')}</th>
          </tr>
        </thead>
        <tbody>
          {clients.map((c) => (
            <tr key={c.name}>
              <th scope="row">
                <Link to="/system/clients/$name" params={{ name: c.name }}>
                  {c.name}
                </Link>
                <div className="small muted">{c.issuer}</div>
              </th>
              <td>
                {c.disabled ? (
                  <State is="off">{t('system.disabled')}</State>
                ) : c.shadow ? (
                  <State is="wait">{t('system.clients.shadowState')}</State>
                ) : (
                  <State is="good">{t('system.inUse')}</State>
                )}
              </td>
              <td className="small">
                {c.algorithm}
                <div className="muted">{c.jwks ? t('system.clients.keysGiven') : c.jwksUrl}</div>
              </td>
              <td className="small">{c.servers.join(', ') || '–'}</td>
              <td className="nowrap num">{`${c.deadline} ms`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
