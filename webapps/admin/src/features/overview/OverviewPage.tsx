import { Link } from '@tanstack/react-router'
import { useStatus } from '@cdss/shared/api/status.ts'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { useGuidelines } from '../../guideline/guidelines.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'

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

function ToReview() {
  const t = useText()
  const guidelines = useGuidelines()
  const count = (test: (g: Guideline) => boolean) => (guidelines.data?.guidelines ?? []).filter(test).length
  const drafts = count((g) => g.status === 'draft' && g.job?.state !== 'failed')
  const expired = count((g) => g.status === 'active' && g.expired)
  const failed = count((g) => g.job?.state === 'failed')
  return (
    <section className={`${shapes.panel} stack-tight`} aria-labelledby="review">
      <h2 id="review">{t('overview.review')}</h2>
      {guidelines.isPending && <Loading lines={2} />}
      {guidelines.isError && <Failure error={guidelines.error} onRetry={() => void guidelines.refetch()} />}
      {guidelines.data && guidelines.data.guidelines.length === 0 && (
        <Empty title={t('guidelines.empty')}>
          <Link to="/guidelines">{t('guidelines.emptyHint')}</Link>
        </Empty>
      )}
      {guidelines.data && guidelines.data.guidelines.length > 0 && drafts + expired + failed === 0 && <p>{t('overview.nothing')}</p>}
      {failed > 0 && (
        <SeverityBand indicator="warning" title={t('overview.failed', { count: failed })}>
          <Link to="/guidelines">{t('nav.guidelines')}</Link>
        </SeverityBand>
      )}
      {expired > 0 && (
        <SeverityBand indicator="warning" title={t('overview.expired', { count: expired })}>
          <Link to="/guidelines">{t('nav.guidelines')}</Link>
        </SeverityBand>
      )}
      {drafts > 0 && (
        <SeverityBand indicator="info" title={t('overview.drafts', { count: drafts })}>
          <Link to="/guidelines">{t('nav.guidelines')}</Link>
        </SeverityBand>
      )}
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
