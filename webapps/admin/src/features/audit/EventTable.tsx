import { useLang } from '@cdss/shared/i18n/i18n.ts'
import shapes from '../../guideline/table.module.css'
import { State } from '../../system/State.tsx'
import { useText } from '../../text.ts'
import { useKindName } from './kinds.ts'
import type { AuditEvent } from './types.ts'

export function EventTable({ events }: { events: AuditEvent[] }) {
  const t = useText()
  const lang = useLang()
  const kind = useKindName()
  const format = new Intl.DateTimeFormat(lang === 'de' ? 'de-DE' : 'en-GB', { dateStyle: 'short', timeStyle: 'medium' })
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('system.audit.found')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('system.audit.when')}</th>
            <th scope="col">{t('system.audit.who')}</th>
            <th scope="col">{t('system.audit.what')}</th>
            <th scope="col">{t('system.audit.on')}</th>
          </tr>
        </thead>
        <tbody>
          {events.map((e) => (
            <tr key={e.id}>
              <td className="num nowrap">{format.format(new Date(e.recorded))}</td>
              <td>
                {e.person || e.client || t('system.audit.nobody')}
                {e.person && e.client && <div className="small muted">{t('system.audit.through', { client: e.client })}</div>}
              </td>
              <td>
                {kind(e.kind)}
                {e.outcome !== 0 && (
                  <div className="small">
                    <State is="bad">{t(e.outcome === 4 ? 'system.audit.refused' : 'system.audit.failed')}</State>
                    {e.reason && <div className="muted">{e.reason}</div>}
                  </div>
                )}
              </td>
              <td className="small">
                {e.data && <span className="code">{e.data}</span>}
                {e.query && <div className="muted code">{e.query}</div>}
                <Entities event={e} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Entities({ event }: { event: AuditEvent }) {
  const t = useText()
  const list = event.entities ?? []
  const more = [event.address && `${t('system.audit.address')}: ${event.address}`, event.request && `${t('system.audit.request')}: ${event.request}`].filter(Boolean)
  if (list.length + more.length === 0) return null
  return (
    <details>
      <summary className="muted">{t('system.audit.details')}</summary>
      <ul>
        {list.map((entity, i) => (
          <li key={i}>
            {entity.name} <span className="code">{entity.what}</span>{' '}
            {Object.entries(entity.details ?? {})
              .map(([name, value]) => `${name}: ${value}`)
              .join(' · ')}
          </li>
        ))}
        {more.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </details>
  )
}
