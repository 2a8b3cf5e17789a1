import type { PlanDefinition, PlanDefinitionAction } from 'fhir/r4'
import { useState } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useExpression, Worth } from './ExpressionField.tsx'
import classes from './rules.module.css'
import { Outcome, PatientChoice, useTried, type Patient } from './Traced.tsx'
import type { ExpressionQuestion, TracedValue } from './types.ts'

/** A run of the rule on one patient: each condition, what it read, and from where. */
export function Debugger({ plan }: { plan: PlanDefinition }) {
  const t = useText()
  const lang = useLang()
  const [patient, setPatient] = useState<Patient>('')
  const tried = useTried(plan, patient)
  const mine = tried.data?.plans.find((p) => p.url === plan.url)
  return (
    <div className="stack">
      <PatientChoice label={t('rules.tryOn')} url={plan.url ?? ''} value={patient} onChange={setPatient} />
      {patient !== '' && tried.isPending && <Loading lines={3} />}
      {tried.isError && <Failure error={tried.error} onRetry={() => void tried.refetch()} />}
      {tried.data && (
        <>
          <dl className={shapes.list}>
            <dt>{t('rules.indication')}</dt>
            <dd>{tried.data.indication || tried.data.abstainReason || '–'}</dd>
            <dt>{t('rules.options')}</dt>
            <dd>{tried.data.options.join(' · ') || '–'}</dd>
            <dt>{t('rules.warnings')}</dt>
            <dd>{tried.data.warnings.join(' · ') || '–'}</dd>
          </dl>
          {!mine && inCql(plan.action ?? []).length === 0 && <p>{t('rules.notLookedAt')}</p>}
          {mine?.actions.map((action, i) => (
            <section key={i} className={classes.action} aria-label={action.title[lang] || action.at}>
              <div className="stack-tight">
                <div className="row">
                  <h2>{action.title[lang] || action.title.de || action.at}</h2>
                  <Outcome outcome={action.outcome} />
                </div>
                {action.conditions.map((c, j) => (
                  <div key={j} className="stack-tight">
                    <div className="row">
                      <span className="code">{c.expression}</span>
                      <Outcome outcome={c.outcome} />
                    </div>
                    <Reads reads={c.reads} />
                  </div>
                ))}
                {action.missing.length > 0 && <p className="small">{t('rules.missing', { facts: action.missing.map((m) => m.display[lang] || m.fact).join(', ') })}</p>}
              </div>
            </section>
          ))}
        </>
      )}
      {patient !== '' && inCql(plan.action ?? []).map((c, i) => <Cql key={i} plan={plan} patient={patient} language={c.language} text={c.text} title={c.title} />)}
    </div>
  )
}

type Written = { title: string; language: ExpressionQuestion['language']; text: string }

/** The conditions in CQL, which are tried one by one. */
function inCql(actions: PlanDefinitionAction[]): Written[] {
  return actions.flatMap((action) => [
    ...(action.condition ?? []).flatMap((c) =>
      c.expression?.language?.startsWith('text/cql')
        ? [{ title: action.title ?? action.id ?? '', language: c.expression.language.endsWith('identifier') ? ('text/cql-identifier' as const) : ('text/cql-expression' as const), text: c.expression.expression ?? '' }]
        : [],
    ),
    ...inCql(action.action ?? []),
  ])
}

function Cql({ plan, patient, title, language, text }: Written & { plan: PlanDefinition; patient: Patient }) {
  const t = useText()
  const about = { language, text, libraries: plan.library ?? [], ...(plan.id ? { rule: { type: 'PlanDefinition', id: plan.id } } : {}) }
  const told = useExpression(about, patient, true)
  return (
    <section className={classes.action} aria-label={title}>
      <div className="stack-tight">
        <h2>{title}</h2>
        <span className="code">{text}</span>
        {told.isPending && <Loading lines={1} />}
        {told.isError && <Failure error={told.error} onRetry={() => void told.refetch()} />}
        {told.data && <Worth told={told.data} />}
        {told.data?.problems.map((p, i) => (
          <p key={i} className="small">
            {p.line > 0 && `${t('rules.faultAt', { line: p.line, column: p.column })}: `}
            {p.message}
          </p>
        ))}
      </div>
    </section>
  )
}

function Reads({ reads }: { reads: TracedValue[] }) {
  const t = useText()
  const lang = useLang()
  if (reads.length === 0) return null
  return (
    <ul className="small">
      {reads.map((read, i) => (
        <li key={i}>
          {read.display[lang] || read.name}: <span className="num">{read.known ? `${read.value || '–'}${read.unit ? ` ${read.unit}` : ''}` : t('rules.unknown')}</span>
          {(read.source || read.inputs?.length) && (
            <span className="muted">
              {' '}
              {t('rules.from', { source: [...new Set([read.source ?? '', ...(read.inputs ?? [])].filter((s) => s !== ''))].join(', ') })}
            </span>
          )}
          {read.expression && <div className="code">{read.expression}</div>}
          {read.reads && <Reads reads={read.reads} />}
        </li>
      ))}
    </ul>
  )
}
