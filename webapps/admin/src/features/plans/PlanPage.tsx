import { TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useCallback, useMemo, useRef, useState } from 'react'
import type { PlanAction, PlanSource } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { Actions } from './Actions.tsx'
import { usePlan, usePlans } from './api.ts'
import classes from './PlanPage.module.css'
import { SourceBeside } from './SourceBeside.tsx'

/** The reading view: what applies when, which regimen follows, and the page it rests on beside. */
export function PlanPage({ id }: { id: string }) {
  const t = useText()
  const lang = useLang()
  const plan = usePlan(id, lang)
  const summary = usePlans().data?.planDefinitions.find((p) => p.id === id)
  const [source, setSource] = useState<PlanSource | null>(null)
  const [filter, setFilter] = useState('')
  const panel = useRef<HTMLElement>(null)
  const actions = useMemo(() => narrow(plan.data?.view.actions ?? [], filter.trim().toLowerCase()), [plan.data, filter])
  const show = useCallback((next: PlanSource) => {
    setSource(next)
    requestAnimationFrame(() => panel.current?.focus({ preventScroll: true }))
  }, [])
  return (
    <Page title={plan.data?.view.title || summary?.title || t('plans.title')} lead={plan.data?.view.description}>
      <p>
        <Link to="/rules">{t('plans.back')}</Link>
      </p>
      {plan.isPending && <Loading lines={4} />}
      {plan.isError && <Failure error={plan.error} onRetry={() => void plan.refetch()} />}
      {summary?.experimental && <SeverityBand indicator="warning" title={t('plans.experimentalHint')} />}
      {summary && (
        <p className="small muted">
          <span className="code">
            {summary.url}|{summary.version}
          </span>{' '}
          · {summary.status}
        </p>
      )}
      {plan.data && (
        <>
          <div className={shapes.columns}>
            <div className="stack">
              <TextInput
                label={t('plans.filterActions')}
                value={filter}
                onChange={(event) => setFilter(event.currentTarget.value)}
                maw={320}
              />
              {actions.length === 0 ? <p className="muted">{t('plans.filterNone')}</p> : <Actions actions={actions} show={show} level={2} />}
            </div>
            <section className={shapes.side} ref={panel} tabIndex={-1} aria-labelledby="source">
              <SourceBeside source={source} />
            </section>
          </div>
          <details>
            <summary>{t('plans.json')}</summary>
            <pre className={classes.json} tabIndex={0}>
              {JSON.stringify(plan.data.resource, null, 2)}
            </pre>
          </details>
        </>
      )}
    </Page>
  )
}

/** Keeps the actions that hold the words, with all above them. */
function narrow(actions: PlanAction[], needle: string): PlanAction[] {
  if (needle === '') return actions
  return actions.flatMap((action) => {
    const own = [
      action.title,
      action.description,
      ...action.conditions.map((c) => c.expression),
      action.regimen?.name ?? '',
    ]
    if (own.join(' ').toLowerCase().includes(needle)) return [action]
    const below = narrow(action.actions, needle)
    return below.length > 0 ? [{ ...action, actions: below }] : []
  })
}
