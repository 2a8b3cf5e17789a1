import { Button } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { Confirm } from '../../system/Confirm.tsx'
import { useText } from '../../text.ts'
import { useDeleteSet, useRemoveQuery, useRunSet, useSet } from '../../lab/api.ts'
import { LabNav } from '../../lab/LabNav.tsx'
import { Runs } from './Runs.tsx'
import type { QuerySet } from '../../lab/types.ts'

/** A set of judged queries: its queries, its runs over time, and how two of them differ. */
export function SetPage({ id }: { id: string }) {
  const t = useText()
  const may = useMay()
  const navigate = useNavigate()
  const set = useSet(id)
  const run = useRunSet()
  const remove = useDeleteSet()
  const [asking, setAsking] = useState(false)
  const write = may('measurements:write')
  return (
    <Page title={set.data?.name ?? t('lab.setsTitle')}>
      <LabNav />
      {set.isPending && <Loading lines={3} />}
      {set.isError && <Failure error={set.error} onRetry={() => void set.refetch()} />}
      {set.data && (
        <>
          {write && (
            <div className="row">
              <Button loading={run.isPending} disabled={set.data.queries.length === 0} onClick={() => run.mutate(id)}>
                {t('lab.run')}
              </Button>
              <Button variant="default" onClick={() => setAsking(true)}>
                {t('lab.delete')}
              </Button>
            </div>
          )}
          {run.isError && <Failure error={run.error} />}
          <Runs set={set.data} />
          <Queries set={set.data} write={write} />
          <Confirm
            open={asking}
            title={t('lab.deleteTitle')}
            confirm={t('guidelines.deleteConfirm')}
            busy={remove.isPending}
            error={remove.error}
            onClose={() => setAsking(false)}
            onConfirm={() => remove.mutate(id, { onSuccess: () => void navigate({ to: '/query-sets' }) })}
          >
            <p>{t('lab.deleteBody', { name: set.data.name })}</p>
          </Confirm>
        </>
      )}
    </Page>
  )
}

function Queries({ set, write }: { set: QuerySet; write: boolean }) {
  const t = useText()
  const lang = useLang()
  const remove = useRemoveQuery()
  const [most, setMost] = useState(50)
  return (
    <section className="stack" aria-labelledby="queries">
      <h2 id="queries">
        {t('lab.queries')} ({formatNumber(set.queries.length, lang)})
      </h2>
      {set.queries.length === 0 && (
        <p>
          <Link to="/search">{t('lab.noSetsHint')}</Link>
        </p>
      )}
      {remove.isError && <Failure error={remove.error} />}
      <ul className={shapes.plain}>
        {set.queries.slice(0, most).map((q) => (
          <li key={q.id} className={`${shapes.panel} stack-tight`}>
            <p>
              <strong lang={q.language}>{q.query}</strong>
            </p>
            <p className="small muted">
              {[t(q.language === 'de' ? 'guidelines.german' : 'guidelines.english'), q.kind].filter(Boolean).join(' · ')}
            </p>
            {(q.relevant ?? []).length === 0 && <p className="small">{t('lab.silence')}</p>}
            {(q.relevant ?? []).length > 0 && (
              <details>
                <summary>{t('lab.expected', { count: q.relevant?.length ?? 0 })}</summary>
                <ul className={shapes.plain}>
                  {q.relevant?.map((r, i) => (
                    <li key={i} className="small">
                      <strong>{t(`lab.grades.${gradeOf(r.grade)}`)}</strong> · {[r.document, r.page, r.heading].filter(Boolean).join(' · ')}
                      <br />
                      {r.quote.length > 300 ? `${r.quote.slice(0, 300)} …` : r.quote}
                    </li>
                  ))}
                </ul>
              </details>
            )}
            {write && (
              <div>
                <Button
                  size="xs"
                  variant="default"
                  disabled={remove.isPending}
                  aria-label={`${t('lab.remove')}: ${q.query}`}
                  onClick={() => remove.mutate({ set, query: q.id })}
                >
                  {t('lab.remove')}
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {set.queries.length > most && (
        <div>
          <Button variant="default" onClick={() => setMost(most + 50)}>
            {t('detail.more')}
          </Button>
        </div>
      )}
    </section>
  )
}

const gradeOf = (grade: number) => (grade >= 3 ? '3' : grade === 2 ? '2' : '1')
