import { Tabs } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useIndications, working } from '../../guideline/guidelines.ts'
import { GuidelineSteps } from '../../guideline/GuidelineSteps.tsx'
import { StatusTag, Validity } from '../../guideline/GuidelineStatus.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useGuideline } from './api.ts'
import { JobState } from './JobState.tsx'
import { Split } from './Split.tsx'
import { UsedBy } from './UsedBy.tsx'
import { Versions } from './Versions.tsx'

const views = ['source', 'versions', 'rules'] as const

export function GuidelinePage({ id, page, passage }: { id: string; page: number | null; passage: string | null }) {
  const t = useText()
  const guideline = useGuideline(id)
  const [view, setView] = useState<string | null>('source')
  const g = guideline.data
  return (
    <Page title={g ? g.title || g.fileName : t('guidelines.title')}>
      <p>
        <Link to="/guidelines">{t('detail.back')}</Link>
      </p>
      {guideline.isPending && <Loading lines={4} />}
      {guideline.isError && <Failure error={guideline.error} onRetry={() => void guideline.refetch()} />}
      {g && (
        <>
          <About guideline={g} />
          {working(g.job) ? (
            <p className="muted">{t('detail.notReady')}</p>
          ) : (
            <Tabs value={view} onChange={setView} keepMounted={false}>
              <Tabs.List aria-label={t('library.views')}>
                {views.map((name) => (
                  <Tabs.Tab key={name} value={name}>
                    {t(`library.view.${name}`)}
                  </Tabs.Tab>
                ))}
              </Tabs.List>
              <Tabs.Panel value="source" pt="md">
                <Split guideline={g} page={page} passage={passage} />
              </Tabs.Panel>
              <Tabs.Panel value="versions" pt="md">
                <Versions guideline={g} />
              </Tabs.Panel>
              <Tabs.Panel value="rules" pt="md">
                <UsedBy guideline={g} />
              </Tabs.Panel>
            </Tabs>
          )}
        </>
      )}
    </Page>
  )
}

function About({ guideline: g }: { guideline: Guideline }) {
  const t = useText()
  const lang = useLang()
  const navigate = useNavigate()
  const indications = useIndications()
  const names = new Map(indications.data?.categories.flatMap((c) => c.indications.map((i) => [i.code, i[lang]] as const)))
  const facts: [string, string][] = [
    [t('library.identifier'), g.identifier],
    [t('guidelines.version'), g.version],
    [t('guidelines.publisher'), g.publisher],
    [t('guidelines.language'), t(g.language === 'de' ? 'guidelines.german' : 'guidelines.english')],
    [t('guidelines.indications'), g.indications.map((code) => names.get(code) ?? code).join(', ')],
    [t('guidelines.partOf'), g.partOf],
    [t('library.uploaded'), [formatDate(g.createdAt, lang), g.uploadedBy].filter(Boolean).join(' · ')],
    [t('library.approved'), g.approvedAt ? [formatDate(g.approvedAt, lang), g.approvedBy].filter(Boolean).join(' · ') : ''],
    [t('guidelines.pages'), formatNumber(g.pages, lang)],
    [t('guidelines.passages'), formatNumber(g.passages, lang)],
  ]
  return (
    <section className={`${shapes.panel} stack-tight`} aria-label={t('detail.about')}>
      <div className="row">
        <StatusTag guideline={g} />
        <span>
          {t('guidelines.validity')}: <Validity guideline={g} />
        </span>
      </div>
      <JobState guideline={g} />
      {g.flagged > 0 && <p className="small">{t('library.flagged', { count: g.flagged })}</p>}
      <details>
        <summary>{t('detail.about')}</summary>
        <dl className={shapes.list}>
          {facts
            .filter(([, value]) => value !== '')
            .map(([name, value]) => (
              <div key={name} className={shapes.pair}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          <dt>{t('guidelines.file')}</dt>
          <dd>
            <a href={`/api/guidelines/${encodeURIComponent(g.id)}/file`} download>
              {g.fileName}
            </a>{' '}
            <span className="small muted">
              {t('guidelines.fingerprint')} <span className="code">{g.sha256.slice(0, 16)}…</span>
            </span>
          </dd>
        </dl>
      </details>
      <GuidelineSteps guideline={g} onDeleted={() => void navigate({ to: '/guidelines' })} />
    </section>
  )
}
