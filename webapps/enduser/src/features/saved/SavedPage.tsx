import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { Bundle } from 'fhir/r4'
import { useState } from 'react'
import { call } from '@cdss/shared/api/call.ts'
import type { Recommendation, RecommendationRequest } from '@cdss/shared/api/types.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { openCase, type Entered } from '../../case/cases.ts'
import { useIndications } from '../../case/recommendation.ts'
import { useText } from '../../text.ts'
import classes from './SavedPage.module.css'

type Summary = { id: string; title: string; createdAt: string; language: string; indication?: string; deleteAfter?: string }
type Full = Summary & { request: RecommendationRequest; recommendation: Recommendation }

/** The cases of the person who is logged in, newest first. */
export function SavedPage() {
  const t = useText()
  const [needle, setNeedle] = useState('')
  const saved = useQuery({ queryKey: ['saved'], queryFn: ({ signal }) => call<{ cases: Summary[] }>('/cases', { signal }) })
  const list = (saved.data?.cases ?? []).filter((c) => `${c.title} ${c.indication ?? ''}`.toLowerCase().includes(needle.trim().toLowerCase()))
  return (
    <Page title={t('saved.title')} lead={t('saved.lead')}>
      {saved.isPending && <Loading lines={3} />}
      {saved.isError && <Failure error={saved.error} onRetry={() => void saved.refetch()} />}
      {saved.data?.cases.length === 0 && (
        <Empty title={t('saved.none')}>
          <p>{t('saved.noneHint')}</p>
        </Empty>
      )}
      {saved.data && saved.data.cases.length > 0 && (
        <>
          <TextInput
            label={t('saved.filter')}
            className={classes.filter}
            value={needle}
            autoComplete="off"
            data-search
            onChange={(e) => setNeedle(e.currentTarget.value)}
          />
          <p role="status" className="small muted">
            {t('saved.count', { count: list.length })}
          </p>
          <ul className={classes.list}>
            {list.map((c) => (
              <li key={c.id}>
                <SavedCase summary={c} />
              </li>
            ))}
          </ul>
        </>
      )}
    </Page>
  )
}

function SavedCase({ summary }: { summary: Summary }) {
  const t = useText()
  const lang = useLang()
  const navigate = useNavigate()
  const client = useQueryClient()
  const [asked, setAsked] = useState(false)
  const categories = useIndications().data?.categories ?? []
  const indication = categories.flatMap((c) => c.indications).find((i) => i.code === summary.indication)?.[lang]
  const open = useMutation({
    mutationFn: () => call<Full>(`/cases/${summary.id}`),
    onSuccess: ({ request, recommendation }) => {
      const remote = request.server && request.patient ? { server: request.server, patient: request.patient } : undefined
      const bundle = (request.bundle as Bundle | undefined) ?? null
      const id = openCase({
        origin: 'saved',
        remote,
        // Beside a server the Bundle holds what was typed in.
        bundle: remote ? null : bundle,
        entered: remote ? ((bundle?.entry ?? []).map((e) => e.resource) as Entered[]) : [],
        request: request.request ?? {},
        saved: { id: summary.id, title: summary.title, recommendation },
      })
      void navigate({ to: '/case/$id', params: { id } })
    },
  })
  const remove = useMutation({
    mutationFn: () => call<undefined>(`/cases/${summary.id}`, { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['saved'] }),
  })
  return (
    <article className={classes.case} aria-label={summary.title}>
      <div>
        <h2 className={classes.name}>{summary.title}</h2>
        <p className="small muted">
          {[indication, t('saved.at', { date: formatDate(summary.createdAt, lang) }), summary.deleteAfter && t('saved.until', { date: formatDate(summary.deleteAfter, lang) })]
            .filter(Boolean)
            .join(' · ')}
        </p>
      </div>
      <div className="row">
        <Button size="xs" loading={open.isPending} onClick={() => open.mutate()}>
          {t('saved.open')}
        </Button>
        {asked ? (
          <>
            <Button size="xs" variant="default" loading={remove.isPending} onClick={() => remove.mutate()}>
              {t('saved.really')}
            </Button>
            <Button size="xs" variant="subtle" onClick={() => setAsked(false)}>
              {t('saved.keep')}
            </Button>
          </>
        ) : (
          <Button size="xs" variant="default" onClick={() => setAsked(true)}>
            {t('saved.delete')}
          </Button>
        )}
      </div>
      {open.isError && <Failure error={open.error} onRetry={() => open.mutate()} />}
      {remove.isError && <Failure error={remove.error} onRetry={() => remove.mutate()} />}
    </article>
  )
}
