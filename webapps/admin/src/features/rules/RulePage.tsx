import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { Library, PlanDefinition } from 'fhir/r4'
import { useEffect, useState } from 'react'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { ApiError } from '@cdss/shared/api/error.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useText } from '../../text.ts'
import { readRule, useRule, useSave } from './api.ts'
import { Cases } from './Cases.tsx'
import { Conflict } from './Conflict.tsx'
import { Happened } from './Happened.tsx'
import { DifferenceTab, History } from './History.tsx'
import { LibraryForm } from './LibraryForm.tsx'
import { RuleState } from './parts.tsx'
import { titleOf } from './rule.ts'
import { RuleForm } from './RuleForm.tsx'
import classes from './rules.module.css'
import { Steps } from './Steps.tsx'
import { Tabs } from './Tabs.tsx'
import { Debugger } from './Debugger.tsx'
import type { Detail } from './types.ts'

/** One rule with all that is done with it. */
export function RulePage({ type, id }: { type: string; id: string }) {
  const t = useText()
  const lang = useLang()
  const rule = useRule(type, id)
  return (
    <Page title={rule.data ? titleOf(rule.data.rule, lang) : t('rules.title')}>
      <p>
        <Link to="/rules">{t('rules.back')}</Link>
      </p>
      {rule.isPending && <Loading lines={4} />}
      {rule.isError && <Failure error={rule.error} onRetry={() => void rule.refetch()} />}
      {rule.data && <Opened detail={rule.data} />}
    </Page>
  )
}

type Tab = 'form' | 'cases' | 'debugger' | 'happened' | 'history' | 'difference' | 'json'

function Opened({ detail }: { detail: Detail }) {
  const t = useText()
  const may = useMay()
  const { rule } = detail
  const save = useSave(rule.type, rule.id)
  const [tab, setTab] = useState<Tab>('form')
  // What is edited, and the version it was begun from.
  const [draft, setDraft] = useState<{ resource: PlanDefinition | Library; version: number } | null>(null)
  const [theirs, setTheirs] = useState<Detail | null>(null)
  const resource = draft?.resource ?? (detail.resource as PlanDefinition | Library)
  const editable = may('rules:write') && rule.origin === 'site' && ['draft', 'submitted', 'approved'].includes(rule.state)
  const dirty = draft !== null

  useEffect(() => {
    if (!dirty) return
    const stay = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', stay)
    return () => window.removeEventListener('beforeunload', stay)
  }, [dirty])

  const store = async (text: PlanDefinition | Library, version: number) => {
    try {
      await save.mutateAsync({ resource: text, version })
      setDraft(null)
      setTheirs(null)
    } catch (error) {
      // Somebody else was quicker: theirs stays, ours stays, both are shown.
      if (error instanceof ApiError && (error.status === 412 || error.status === 409)) setTheirs(await readRule(rule.type, rule.id).catch(() => null))
    }
  }
  const tabs: { name: Tab; title: string }[] = [
    { name: 'form', title: t('rules.tabs.form') },
    { name: 'cases', title: t('rules.tabs.cases') },
    ...(may('rules:try') && rule.type === 'PlanDefinition' ? [{ name: 'debugger' as const, title: t('rules.tabs.debugger') }] : []),
    ...(may('decisions:read') ? [{ name: 'happened' as const, title: t('rules.tabs.happened') }] : []),
    { name: 'history', title: t('rules.tabs.history') },
    { name: 'difference', title: t('rules.tabs.difference') },
    { name: 'json', title: t('rules.tabs.json') },
  ]
  return (
    <div className="stack">
      <div className="row">
        <RuleState rule={rule} />
        <span className={`code small ${classes.wrap}`}>
          {rule.url}|{rule.version}
        </span>
        {rule.running && rule.type === 'PlanDefinition' && (
          <Link to="/plans/$id" params={{ id: rule.id }}>
            {t('rules.read')}
          </Link>
        )}
      </div>
      {!rule.running && rule.reason && <p className="small">{t('rules.notRunningBecause', { why: rule.reason })}</p>}
      {rule.expired && <SeverityBand indicator="warning" title={t('rules.expired')} />}
      <Steps detail={detail} dirty={dirty} />
      {detail.problems.length > 0 && (
        <SeverityBand indicator={detail.problems.some((p) => p.blocks) ? 'warning' : 'info'} title={t('rules.problemsTitle', { count: detail.problems.length })}>
          <ul className="small">
            {detail.problems.map((p, i) => (
              <li key={i}>
                {p.location && <span className="code">{p.location}: </span>}
                {p.message}
              </li>
            ))}
          </ul>
        </SeverityBand>
      )}
      <Tabs label={t('rules.tabs.label')} tabs={tabs} open={tab} onOpen={setTab}>
        {tab === 'form' && (
          <>
            {!editable && rule.state !== 'shipped' && <p className="small muted">{t('rules.readOnly')}</p>}
            {rule.state === 'shipped' && <p className="small muted">{t('rules.shippedHint')}</p>}
            {rule.type === 'Library' ? (
              <LibraryForm
                key={`${rule.versionId}`}
                library={resource as Library}
                onChange={(next) => setDraft({ resource: next, version: draft?.version ?? rule.versionId })}
                readOnly={!editable}
                mayTry={may('rules:try')}
              />
            ) : (
              <RuleForm
                key={`${rule.versionId}`}
                plan={resource as PlanDefinition}
                onChange={(next) => setDraft({ resource: next, version: draft?.version ?? rule.versionId })}
                problems={detail.problems}
                readOnly={!editable}
                mayTry={may('rules:try')}
              />
            )}
            {theirs && draft && (
              <Conflict
                theirs={theirs}
                mine={draft.resource}
                busy={save.isPending}
                onTheirs={() => {
                  setDraft(null)
                  setTheirs(null)
                }}
                onMine={() => void store(draft.resource, theirs.rule.versionId)}
              />
            )}
            {save.isError && !theirs && <Failure error={save.error} />}
            {editable && (
              <div className="row">
                <Button loading={save.isPending} disabled={!dirty} onClick={() => draft && void store(draft.resource, draft.version)}>
                  {t('rules.save')}
                </Button>
                {dirty && (
                  <Button variant="default" onClick={() => setDraft(null)}>
                    {t('rules.discard')}
                  </Button>
                )}
                <span role="status" className="small muted">
                  {dirty ? t('rules.unsaved') : save.isSuccess ? t('rules.saved') : ''}
                </span>
              </div>
            )}
          </>
        )}
        {tab === 'cases' && <Cases rule={rule} dirty={dirty} />}
        {tab === 'debugger' && <Debugger plan={resource as PlanDefinition} />}
        {tab === 'happened' && <Happened url={rule.url} />}
        {tab === 'history' && <History type={rule.type} id={rule.id} />}
        {tab === 'difference' && <DifferenceTab type={rule.type} id={rule.id} />}
        {tab === 'json' && (
          <pre className={classes.json} tabIndex={0}>
            {JSON.stringify(resource, null, 2)}
          </pre>
        )}
      </Tabs>
    </div>
  )
}
