import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { useStatus } from '@cdss/shared/api/status.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { State } from '../../system/State.tsx'
import { useText } from '../../text.ts'
import { useReady, type Ready } from './ready.ts'

const partNames = ['database', 'knowledge', 'audit', 'retrieval', 'access', 'registrations'] as const
type PartName = (typeof partNames)[number]
const isPart = (name: string): name is PartName => (partNames as readonly string[]).includes(name)

/** Health of each part, as the server tells it; asked for again every quarter of a minute. */
export function HealthPage() {
  const t = useText()
  const lang = useLang()
  const ready = useReady()
  const again = () => void ready.refetch()
  return (
    <Page title={t('system.health.title')} lead={t('system.health.lead')}>
      {ready.isPending && <Loading lines={3} />}
      {ready.isError && <Failure error={ready.error} onRetry={again} />}
      {ready.data && (
        <>
          <div className="row">
            <Overall ready={ready.data} />
            <span className="small muted">{t('system.health.asOf', { time: time(ready.data.at, lang) })}</span>
            <Button size="xs" variant="default" loading={ready.isFetching} onClick={again}>
              {t('system.health.again')}
            </Button>
          </div>
          <Parts checks={ready.data.checks} />
        </>
      )}
      <Facts />
    </Page>
  )
}

const time = (at: string, lang: 'de' | 'en') =>
  new Intl.DateTimeFormat(lang === 'de' ? 'de-DE' : 'en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(at))

function Overall({ ready }: { ready: Ready }) {
  const t = useText()
  if (ready.status === 'ready') return <State is="good">{t('system.health.ready')}</State>
  if (ready.status === 'starting' || ready.status === 'stopping') return <State is="wait">{t(`system.health.${ready.status}`)}</State>
  return <State is="bad">{t('system.health.degraded')}</State>
}

function Parts({ checks }: { checks: Ready['checks'] }) {
  const t = useText()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('system.health.parts')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('system.health.part')}</th>
            <th scope="col">{t('system.state')}</th>
            <th scope="col">{t('system.health.without')}</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(checks).map(([name, state]) => (
            <tr key={name}>
              <th scope="row">{isPart(name) ? t(`system.health.names.${name}`) : name}</th>
              <td>{state === 'ok' ? <State is="good">{t('system.health.ok')}</State> : <State is="bad">{state === 'unavailable' ? t('system.health.down') : state}</State>}</td>
              <td className="small muted">{isPart(name) ? t(`system.health.needs.${name}`) : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Facts() {
  const t = useText()
  const lang = useLang()
  const status = useStatus()
  const s = status.data
  if (status.isError) return <Failure error={status.error} onRetry={() => void status.refetch()} />
  if (!s) return <Loading lines={2} />
  const rows: [string, ReactNode][] = [
    [t('overview.version'), <span className="code">{s.version}</span>],
    [t('overview.auth'), t(s.auth === 'open' ? 'overview.authOpen' : 'overview.authRequired')],
    [t('overview.demo'), t(s.demo ? 'overview.on' : 'overview.off')],
    [t('overview.plans'), formatNumber(s.knowledge.plans, lang)],
    [t('overview.knowledge'), s.knowledge.loadedAt ? formatDate(s.knowledge.loadedAt, lang) : '–'],
    [t('overview.guidelines'), formatNumber(s.retrieval.guidelines, lang)],
    [t('overview.passages'), formatNumber(s.retrieval.passages, lang)],
    [t('overview.spaces'), formatNumber(s.retrieval.spaces, lang)],
    [t('overview.embeddings'), s.ai.embeddings],
    [t('overview.narrative'), t(s.ai.narrative ? 'overview.on' : 'overview.off')],
  ]
  return (
    <section className="stack-tight" aria-labelledby="facts">
      <h2 id="facts">{t('system.health.facts')}</h2>
      {s.auth === 'open' && <SeverityBand indicator="info" title={t('system.health.openHint')} />}
      {s.knowledge.withheld > 0 && <SeverityBand indicator="info" title={t('system.health.withheld', { count: s.knowledge.withheld })} />}
      <dl className={`${shapes.panel} ${shapes.list}`}>
        {rows.map(([name, value]) => (
          <div key={name} className={shapes.pair}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
