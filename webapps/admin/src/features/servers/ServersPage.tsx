import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useServers } from '../../system/api.ts'
import { State } from '../../system/State.tsx'
import type { FhirServer } from '../../system/registrations.ts'
import { useText } from '../../text.ts'

export function ServersPage() {
  const t = useText()
  const servers = useServers()
  const may = useMay()
  const list = servers.data ?? []
  return (
    <Page title={t('system.servers.title')} lead={t('system.servers.lead')}>
      {may('registrations:write') && (
        <div>
          <Button leftSection={<IconPlus size={18} aria-hidden="true" />} renderRoot={(props) => <Link {...props} to="/system/new-server" />}>
            {t('system.servers.add')}
          </Button>
        </div>
      )}
      {servers.isPending && <Loading lines={3} />}
      {servers.isError && <Failure error={servers.error} onRetry={() => void servers.refetch()} />}
      {servers.data && list.length === 0 && (
        <Empty title={t('system.servers.empty')}>
          <p>{t('system.servers.emptyHint')}</p>
        </Empty>
      )}
      {list.length > 0 && <Table servers={list} />}
    </Page>
  )
}

function Table({ servers }: { servers: FhirServer[] }) {
  const t = useText()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('system.servers.title')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('system.name')}</th>
            <th scope="col">{t('system.state')}</th>
            <th scope="col">{t('system.servers.auth')}</th>
          </tr>
        </thead>
        <tbody>
          {servers.map((s) => (
            <tr key={s.name}>
              <th scope="row">
                <Link to="/system/servers/$name" params={{ name: s.name }}>
                  {s.name}
                </Link>
                <div className="small muted">{s.url}</div>
              </th>
              <td>
                <ServerState server={s} />
              </td>
              <td>{t(`system.servers.auths.${s.auth}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ServerState({ server }: { server: FhirServer }) {
  const t = useText()
  if (server.disabled) return <State is="off">{t('system.disabled')}</State>
  if (server.problem) return <State is="bad">{t('system.servers.problem')}</State>
  return <State is="good">{t('system.inUse')}</State>
}
