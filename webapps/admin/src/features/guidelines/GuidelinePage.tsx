import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Guideline, Passage as PassageData, SourcePage as Page_ } from '@cdss/shared/api/types.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { Passage } from '@cdss/shared/passage/Passage.tsx'
import { SourcePage } from '@cdss/shared/passage/SourcePage.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useSource, working } from '../../guideline/guidelines.ts'
import { GuidelineSteps } from '../../guideline/GuidelineSteps.tsx'
import { StatusTag, Validity } from '../../guideline/GuidelineStatus.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useGuideline, usePassages } from './api.ts'
import classes from './GuidelinePage.module.css'
import { JobState } from './JobState.tsx'

export function GuidelinePage({ id, page }: { id: string; page: number | null }) {
  const t = useText()
  const guideline = useGuideline(id)
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
          {working(g.job) ? <p className="muted">{t('detail.notReady')}</p> : <Split guideline={g} page={page} />}
        </>
      )}
    </Page>
  )
}

function About({ guideline: g }: { guideline: Guideline }) {
  const t = useText()
  const lang = useLang()
  const navigate = useNavigate()
  return (
    <section className={`${shapes.panel} stack-tight`} aria-label={t('detail.about')}>
      <div className="row">
        <StatusTag guideline={g} />
        <span className="muted">{[g.identifier, g.version, g.publisher].filter(Boolean).join(' · ')}</span>
        <span>
          {t('guidelines.validity')}: <Validity guideline={g} />
        </span>
      </div>
      <p className="small muted">
        {t('guidelines.uploadedOn', { date: formatDate(g.createdAt, lang) })}
        {g.approvedAt && ` · ${t('guidelines.approvedOn', { date: formatDate(g.approvedAt, lang) })}`}
        {` · ${g.fileName} · `}
        {t('guidelines.fingerprint')} <span className="code">{g.sha256.slice(0, 16)}…</span>
      </p>
      <JobState guideline={g} />
      <GuidelineSteps guideline={g} onDeleted={() => void navigate({ to: '/guidelines' })} />
    </section>
  )
}

/** Passages on one side, the page they stand on on the other. */
function Split({ guideline: g, page: first }: { guideline: Guideline; page: number | null }) {
  const t = useText()
  const source = useSource(g.id)
  const [page, setPage] = useState<number | null>(first)
  const [only, setOnly] = useState<number | null>(first)
  const [selected, setSelected] = useState<PassageData | null>(null)
  const pages = source.data?.pages ?? []
  const index = Math.max(
    0,
    pages.findIndex((p) => p.page === page),
  )
  const current: Page_ | undefined = pages[index]
  const turn = (step: number) => {
    const next = pages[index + step]
    if (!next) return
    setSelected(null)
    setPage(next.page)
  }
  return (
    <div className={shapes.columns}>
      <PassageList
        guideline={g}
        pages={pages.map((p) => p.page).filter((p) => p !== null)}
        only={only}
        setOnly={(value) => {
          setOnly(value)
          if (value !== null) setPage(value)
        }}
        selected={selected}
        select={(passage) => {
          setSelected(passage)
          setPage(passage.page)
        }}
      />
      <section className={shapes.side} aria-labelledby="source" tabIndex={0}>
        <div className="stack-tight">
          <div className="row">
            <h2 id="source">{t('detail.source')}</h2>
            <span role="status">{current && (current.page === null ? t('detail.noPage') : t('detail.page', { page: current.page }))}</span>
            {pages.length > 1 && (
              <span className={classes.turn}>
                <Button size="xs" variant="default" disabled={index === 0} onClick={() => turn(-1)} aria-label={t('detail.previous')}>
                  <IconChevronLeft size={18} aria-hidden="true" />
                </Button>
                <Button
                  size="xs"
                  variant="default"
                  disabled={index >= pages.length - 1}
                  onClick={() => turn(1)}
                  aria-label={t('detail.next')}
                >
                  <IconChevronRight size={18} aria-hidden="true" />
                </Button>
              </span>
            )}
          </div>
          {source.isPending && <Loading lines={3} />}
          {source.isError && <Failure error={source.error} onRetry={() => void source.refetch()} />}
          {source.data && !current && <p className="muted">{t('detail.noSource')}</p>}
          {current && <SourcePage text={current.text} lang={g.language} quoted={selected?.quoted} />}
        </div>
      </section>
    </div>
  )
}

type ListProps = {
  guideline: Guideline
  pages: number[]
  only: number | null
  setOnly: (page: number | null) => void
  selected: PassageData | null
  select: (passage: PassageData) => void
}

function PassageList({ guideline: g, pages, only, setOnly, selected, select }: ListProps) {
  const t = useText()
  const shared = useShared()
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.trim(), 250)
  const passages = usePassages(g.id, only, q, true)
  const list = passages.data?.pages.flatMap((part) => part.passages) ?? []
  const total = passages.data?.pages[0]?.total ?? 0
  return (
    <section className="stack" aria-labelledby="passages">
      <h2 id="passages">{t('detail.passages')}</h2>
      <div className={shapes.fields}>
        <TextInput label={t('detail.search')} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
        {pages.length > 1 && (
          <NativeSelect
            label={t('detail.goto')}
            value={only === null ? '' : String(only)}
            onChange={(event) => setOnly(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))}
            data={[{ value: '', label: t('detail.allPages') }, ...pages.map((p) => ({ value: String(p), label: String(p) }))]}
          />
        )}
      </div>
      {passages.isPending && <Loading lines={3} />}
      {passages.isError && <Failure error={passages.error} onRetry={() => void passages.refetch()} />}
      {passages.data && (
        <p role="status" className="small muted">
          {total === 0 ? t('detail.none') : t('detail.count', { count: total })}
        </p>
      )}
      <ul className={shapes.plain}>
        {list.map((passage) => (
          <li key={passage.id} className={classes.passage} data-selected={passage.id === selected?.id || undefined}>
            <p className="small muted">
              {[
                passage.page === null ? '' : shared('citation.page', { page: pagesOf(passage) }),
                t(`detail.kind.${passage.kind}`),
                passage.section.join(' › '),
              ]
                .filter(Boolean)
                .join(' · ')}
            </p>
            <Passage text={passage.quoted} lang={passage.language} label={shared('source.table')} />
            <div>
              <Button size="xs" variant="default" aria-pressed={passage.id === selected?.id} onClick={() => select(passage)}>
                {t('detail.show')}
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {passages.hasNextPage && (
        <div>
          <Button variant="default" loading={passages.isFetchingNextPage} onClick={() => void passages.fetchNextPage()}>
            {t('detail.more')}
          </Button>
        </div>
      )}
    </section>
  )
}

const pagesOf = (p: PassageData) => (p.pageEnd !== null && p.pageEnd !== p.page ? `${p.page}–${p.pageEnd}` : `${p.page}`)
