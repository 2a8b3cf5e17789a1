import { Link } from '@tanstack/react-router'
import { useStatus } from '@cdss/shared/api/status.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { concern } from '../../guideline/concern.ts'
import { useGuidelines } from '../../guideline/guidelines.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useFallen } from '../../lab/fallen.ts'

export function OverviewPage() {
  const t = useText()
  return (
    <Page title={t('overview.title')}>
      <div className={shapes.columns}>
        <ToReview />
        <State />
      </div>
    </Page>
  )
}

const indicators = { failed: 'warning', expired: 'warning', expiring: 'warning', flagged: 'info', review: 'info' } as const

function ToReview() {
  const t = useText()
  const lang = useLang()
  const may = useMay()
  const guidelines = useGuidelines()
  const fallen = useFallen(may('measurements:read'))
  const now = new Date()
  const all = guidelines.data?.guidelines ?? []
  const found = (['failed', 'expired', 'expiring', 'review', 'flagged'] as const)
    .map((kind) => ({ kind, list: all.filter((g) => concern(g, now).includes(kind)) }))
    .filter(({ list }) => list.length > 0)
  return (
    <section className={`${shapes.panel} stack-tight`} aria-labelledby="review">
      <h2 id="review">{t('overview.review')}</h2>
      {guidelines.isPending && <Loading lines={2} />}
      {guidelines.isError && <Failure error={guidelines.error} onRetry={() => void guidelines.refetch()} />}
      {guidelines.data && all.length === 0 && (
        <Empty title={t('guidelines.empty')}>
          <Link to="/guidelines">{t('guidelines.emptyHint')}</Link>
        </Empty>
      )}
      {guidelines.data && all.length > 0 && found.length + fallen.length === 0 && <p>{t('overview.nothing')}</p>}
      {found.map(({ kind, list }) => (
        <SeverityBand key={kind} indicator={indicators[kind]} title={t(`library.todo.${kind}`, { count: list.length })}>
          <ul>
            {list.slice(0, 5).map((g) => (
              <li key={g.id}>
                <Link to="/guidelines/$id" params={{ id: g.id }}>
                  {g.title || g.fileName}
                </Link>
              </li>
            ))}
          </ul>
          {list.length > 5 && <Link to="/guidelines">{t('library.todoMore', { count: list.length - 5 })}</Link>}
        </SeverityBand>
      ))}
      {fallen.map(({ set, before, after }) => (
        <SeverityBand
          key={set.id}
          indicator="warning"
          title={t('lab.setFell', { name: set.name, before: formatNumber(before, lang, 3), after: formatNumber(after, lang, 3) })}
        >
          <Link to="/query-sets/$id" params={{ id: set.id }}>
            {t('lab.toSet')}
          </Link>
        </SeverityBand>
      ))}
    </section>
  )
}

function State() {
  const t = useText()
  const lang = useLang()
  const status = useStatus()
  const s = status.data
  const onOff = (on: boolean) => t(on ? 'overview.on' : 'overview.off')
  return (
    <section className={`${shapes.panel} stack-tight`} aria-labelledby="state">
      <h2 id="state">{t('overview.state')}</h2>
      {status.isPending && <Loading lines={3} />}
      {status.isError && <Failure error={status.error} onRetry={() => void status.refetch()} />}
      {s && !s.database.ok && <SeverityBand indicator="warning" title={`${t('overview.database')}: ${t('overview.databaseDown')}`} />}
      {s && (
        <dl className={shapes.list}>
          <dt>{t('overview.version')}</dt>
          <dd>{s.version}</dd>
          <dt>{t('overview.database')}</dt>
          <dd>{t(s.database.ok ? 'overview.databaseOk' : 'overview.databaseDown')}</dd>
          <dt>{t('overview.guidelines')}</dt>
          <dd>{formatNumber(s.retrieval.guidelines, lang)}</dd>
          <dt>{t('overview.passages')}</dt>
          <dd>{formatNumber(s.retrieval.passages, lang)}</dd>
          <dt>{t('overview.spaces')}</dt>
          <dd>{formatNumber(s.retrieval.spaces, lang)}</dd>
          <dt>{t('overview.embeddings')}</dt>
          <dd>{s.ai.embeddings}</dd>
          <dt>{t('overview.narrative')}</dt>
          <dd>{onOff(s.ai.narrative)}</dd>
          <dt>{t('overview.plans')}</dt>
          <dd>{formatNumber(s.knowledge.plans, lang)}</dd>
          {s.knowledge.loadedAt && (
            <>
              <dt>{t('overview.knowledge')}</dt>
              <dd>{formatDate(s.knowledge.loadedAt, lang)}</dd>
            </>
          )}
          <dt>{t('overview.auth')}</dt>
          <dd>{t(s.auth === 'open' ? 'overview.authOpen' : 'overview.authRequired')}</dd>
          <dt>{t('overview.demo')}</dt>
          <dd>{onOff(s.demo)}</dd>
        </dl>
      )}
      <p>
        <a href="/docs">{t('overview.docs')}</a>
      </p>
    </section>
  )
}
