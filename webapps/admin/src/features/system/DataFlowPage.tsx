import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useSession } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { State } from '../../system/State.tsx'
import { useClients, useServers } from '../../system/api.ts'
import { useText } from '../../text.ts'
import { useOutbound } from './api.ts'
import { destinationsOf, type Destination } from './destinations.ts'
import { SentTable } from './SentTable.tsx'

const lists = ['stays', 'never'] as const
const lines = ['0', '1', '2', '3'] as const

/** What leaves the server, and where to: nothing, unless it was configured. */
export function DataFlowPage() {
  const t = useText()
  const session = useSession().data
  const parts = [useServers(), useClients(), useOutbound()] as const
  const [servers, clients, outbound] = parts
  const failed = parts.find((part) => part.isError)
  const all =
    servers.data && clients.data && outbound.data ? destinationsOf(servers.data, clients.data, session, outbound.data) : null
  const active = all?.filter((d) => d.active).length ?? 0
  return (
    <Page title={t('system.flow.title')} lead={t('system.flow.lead')}>
      {!all && !failed && <Loading lines={3} />}
      {failed && <Failure error={failed.error} onRetry={() => parts.forEach((part) => part.isError && void part.refetch())} />}
      {all && (
        <section className="stack" aria-labelledby="destinations">
          <h2 id="destinations">{t('system.flow.destinations')}</h2>
          {active === 0 ? <SeverityBand indicator="info" title={t('system.flow.nothing')} /> : <p>{t('system.flow.some', { count: active })}</p>}
          {all.length > 0 && <Table destinations={all} />}
        </section>
      )}
      <div className={shapes.columns}>
        {lists.map((list) => (
          <section key={list} className={`${shapes.panel} stack-tight`} aria-labelledby={list}>
            <h2 id={list}>{t(`system.flow.${list}.title`)}</h2>
            <ul>
              {lines.map((line) => (
                <li key={line}>{t(`system.flow.${list}.${line}`)}</li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      {outbound.data && outbound.data.requests.length > 0 && <SentTable requests={outbound.data.requests} />}
    </Page>
  )
}

function Table({ destinations }: { destinations: Destination[] }) {
  const t = useText()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('system.flow.destinations')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('system.flow.host')}</th>
            <th scope="col">{t('system.flow.purpose')}</th>
            <th scope="col">{t('system.flow.sent')}</th>
            <th scope="col">{t('system.state')}</th>
          </tr>
        </thead>
        <tbody>
          {destinations.map((d, i) => (
            <tr key={i}>
              <th scope="row" className="code">
                {d.host || '–'}
              </th>
              <td>
                {t(`system.flow.purposes.${d.purpose}`)}
                {d.name && <div className="small muted">{d.name}</div>}
              </td>
              <td className="small">{t(`system.flow.contents.${d.purpose}`)}</td>
              <td>{d.active ? <State is="good">{t('system.flow.active')}</State> : <State is="off">{t('system.flow.inactive')}</State>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
