import { Button, TextInput } from '@mantine/core'
import { useRef, useState } from 'react'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useEvents, useExport } from './api.ts'
import { EventTable } from './EventTable.tsx'
import { WhatDid, WhoSaw } from './Summaries.tsx'
import { backwards, filterOf, nothingAsked } from './filter.ts'
import type { AuditFilter } from './types.ts'
import { Verify } from './Verify.tsx'

/** Who saw patient X, what did person Y do: asked of the trail, whose questions are in it too. */
export function AuditPage() {
  const t = useText()
  const may = useMay()
  const [asked, setAsked] = useState(nothingAsked)
  const [question, setQuestion] = useState<{ filter: AuditFilter; count: number } | null>(null)
  const [tried, setTried] = useState(false)
  const events = useEvents(question?.filter ?? null, question?.count ?? 0)
  const save = useExport()
  const count = useRef(0)
  const set = (patch: Partial<typeof asked>) => setAsked({ ...asked, ...patch })
  const wrong = backwards(asked)
  const list = events.data?.pages.flatMap((page) => page.events) ?? []
  return (
    <Page title={t('system.audit.title')} lead={t('system.audit.lead')}>
      <form
        className={`${shapes.panel} stack`}
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setTried(true)
          if (!wrong) setQuestion({ filter: filterOf(asked), count: ++count.current })
        }}
      >
        <div className={shapes.fields}>
          <TextInput
            label={t('system.audit.patient')}
            description={t('system.audit.patientHint')}
            autoComplete="off"
            value={asked.patient}
            onChange={(event) => set({ patient: event.currentTarget.value })}
          />
          <TextInput
            label={t('system.audit.person')}
            description={t('system.audit.personHint')}
            autoComplete="off"
            autoCapitalize="none"
            value={asked.person}
            onChange={(event) => set({ person: event.currentTarget.value })}
          />
          <TextInput type="date" label={t('system.audit.from')} value={asked.from} onChange={(event) => set({ from: event.currentTarget.value })} />
          <TextInput
            type="date"
            label={t('system.audit.to')}
            value={asked.to}
            onChange={(event) => set({ to: event.currentTarget.value })}
            error={tried && wrong ? t('system.audit.backwards') : undefined}
          />
        </div>
        <div className="row">
          <Button type="submit" loading={events.isFetching && !events.isFetchingNextPage}>
            {t('system.audit.search')}
          </Button>
          {may('audit:export') && question && (
            <Button variant="default" loading={save.isPending} onClick={() => save.mutate(question.filter)}>
              {t('system.audit.export')}
            </Button>
          )}
        </div>
        {save.isError && <Failure error={save.error} />}
        {save.isSuccess && (
          <p role="status" className="small muted">
            {t('system.audit.exported')}
          </p>
        )}
      </form>
      {question?.filter.patient && <WhoSaw {...question} />}
      {question?.filter.person && <WhatDid {...question} />}
      <section className="stack" aria-labelledby="found" aria-busy={events.isFetching}>
        <h2 id="found">{t('system.audit.found')}</h2>
        {!question && <p className="muted">{t('system.audit.start')}</p>}
        {question && events.isPending && <Loading lines={3} />}
        {events.isError && <Failure error={events.error} onRetry={() => void events.refetch()} />}
        {events.data && (
          <p role="status" className="small muted">
            {t(events.hasNextPage ? 'system.audit.countMore' : 'system.audit.count', { count: list.length })}
          </p>
        )}
        {events.data && list.length === 0 && <Empty title={t('system.audit.none')} />}
        {list.length > 0 && <EventTable events={list} />}
        {events.hasNextPage && (
          <div>
            <Button variant="default" loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
              {t('detail.more')}
            </Button>
          </div>
        )}
      </section>
      {may('audit:verify') && <Verify />}
    </Page>
  )
}
