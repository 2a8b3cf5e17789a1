import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import type { PlanDefinitionAction } from 'fhir/r4'
import { useId, useState } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useRules } from './api.ts'
import { ConditionEditor } from './ConditionEditor.tsx'
import { effectOf, roleOf, substancesOf, withEffect, withSubstances, withWords, wordsOf, type Effect, type Kind } from './model/resource.ts'
import { titleOf } from './rule.ts'
import classes from './rules.module.css'
import { Sources } from './Sources.tsx'
import { Outcome, type Patient } from './Traced.tsx'
import type { ExpressionQuestion, Problem, TracedAction } from './types.ts'

export type Surroundings = { kind: Kind; readOnly: boolean; traced: (at: string) => TracedAction | undefined; problems: Problem[]; tried: boolean; about: Pick<ExpressionQuestion, 'libraries' | 'rule'>; patient: Patient }
type Props = Surroundings & {
  action: PlanDefinitionAction
  onChange: (action: PlanDefinitionAction) => void
  onRemove: () => void
  onAdd: (() => void) | null
  /** Ids from the root. */
  at: string
  /** Where it stands in the resource. */
  location: string
  children?: React.ReactNode
}

const hooks = ['patient-view', 'order-select', 'order-sign', 'encounter-start', 'encounter-discharge', 'appointment-book']
const effects = ['warn', 'specialist', 'exclude'] as const
const places = ['both', 'options', 'orders'] as const
const routes = ['', 'iv', 'po'] as const

export function ActionForm({ action, onChange, onRemove, onAdd, at, location, kind, readOnly, traced, problems, tried, about, patient, children }: Props) {
  const t = useText()
  const id = useId()
  const title = wordsOf(action, 'title')
  const description = wordsOf(action, 'description')
  const now = traced(at)
  const mine = problems.filter((p) => p.location === location || p.location.startsWith(`${location}.`))
  const below = /\.action\[\d+\]/
  const own = mine.filter((p) => !below.test(p.location.slice(location.length)))
  const rule = kind === 'substances'
  const effect = effectOf(action)
  const setEffect = (patch: Partial<Effect>) => onChange(withEffect(action, { ...effect, ...patch }))
  return (
    <section className={classes.action} aria-labelledby={id}>
      <fieldset disabled={readOnly} className={shapes.bare}>
        <div className="stack">
          <div className="row">
            <h3 id={id}>{title.de || at}</h3>
            {roleOf(action) && <span className="small muted">{roleOf(action)}</span>}
            {tried && (now ? <Outcome outcome={now.outcome} /> : <span className="small muted">{t('rules.notLooked')}</span>)}
          </div>
          {own.length > 0 && (
            <ul className="small" aria-label={t('rules.problems')}>
              {own.map((p, i) => (
                <li key={i}>
                  <span className="code">{p.location.slice(location.length + 1)}</span> {p.message}
                </li>
              ))}
            </ul>
          )}
          <div className={shapes.fields}>
            <TextInput label={t('rules.titleDe')} value={title.de} onChange={(event) => onChange(withWords(action, 'title', { ...title, de: event.currentTarget.value }))} lang="de" />
            <TextInput label={t('rules.titleEn')} value={title.en} onChange={(event) => onChange(withWords(action, 'title', { ...title, en: event.currentTarget.value }))} lang="en" />
            <Textarea
              label={t('rules.textDe')}
              autosize
              value={description.de}
              onChange={(event) => onChange(withWords(action, 'description', { ...description, de: event.currentTarget.value }))}
              lang="de"
            />
            <Textarea
              label={t('rules.textEn')}
              autosize
              value={description.en}
              onChange={(event) => onChange(withWords(action, 'description', { ...description, en: event.currentTarget.value }))}
              lang="en"
            />
          </div>
          {rule && <p className="small muted">{t('rules.substanceHint')}</p>}
          <div className={shapes.fields}>
            {rule && (
              <>
                <Codes codes={substancesOf(action)} onChange={(codes) => onChange(withSubstances(action, codes))} />
                <NativeSelect
                  label={t('rules.effect')}
                  value={effect.effect}
                  onChange={(event) => setEffect({ effect: event.currentTarget.value })}
                  data={effects.map((value) => ({ value, label: t(`rules.effects.${value}`) }))}
                />
                <NativeSelect
                  label={t('rules.applies')}
                  value={effect.applies}
                  onChange={(event) => setEffect({ applies: event.currentTarget.value })}
                  data={places.map((value) => ({ value, label: t(`rules.places.${value}`) }))}
                />
                <NativeSelect
                  label={t('rules.route')}
                  value={effect.route}
                  onChange={(event) => setEffect({ route: event.currentTarget.value })}
                  data={routes.map((value) => ({ value, label: t(`rules.routes.${value || 'any'}`) }))}
                />
              </>
            )}
            {(rule || kind === 'notice') && (
              <NativeSelect
                label={t('rules.severity')}
                value={action.priority ?? 'routine'}
                onChange={(event) => onChange({ ...action, priority: event.currentTarget.value as PlanDefinitionAction['priority'] })}
                data={(['routine', 'urgent', 'stat'] as const).map((value) => ({ value, label: t(`rules.severities.${value}`) }))}
              />
            )}
            {kind === 'notice' && action.trigger && (
              <NativeSelect
                label={t('rules.trigger')}
                value={action.trigger[0]?.name ?? ''}
                onChange={(event) => onChange({ ...action, trigger: [{ type: 'named-event', name: event.currentTarget.value }] })}
                data={hooks}
              />
            )}
            {roleOf(action) === 'ingredient' || action.definitionCanonical ? (
              <Regimen value={action.definitionCanonical ?? ''} onChange={(definitionCanonical) => onChange({ ...action, definitionCanonical: definitionCanonical || undefined })} />
            ) : null}
          </div>
          <div className="stack-tight">
            <h4>{t('rules.conditions')}</h4>
            {!action.condition?.length && <p className="small muted">{t('rules.always')}</p>}
            {action.condition?.map((condition, i) => (
              <ConditionEditor
                key={i}
                label={t('rules.conditionNo', { n: i + 1 })}
                language={condition.expression?.language ?? 'text/fhirpath'}
                value={condition.expression?.expression ?? ''}
                about={about}
                patient={patient}
                traced={now?.conditions[i]}
                faults={mine.filter((p) => p.location.startsWith(`${location}.condition[${i}]`)).map((p) => p.message)}
                onChange={(expression, language) =>
                  onChange({ ...action, condition: action.condition?.map((old, j) => (j === i ? { ...old, expression: { ...old.expression, language, expression } } : old)) })
                }
                onRemove={() => onChange({ ...action, condition: action.condition?.filter((_, j) => j !== i) })}
              />
            ))}
            <div>
              <Button
                size="compact-sm"
                variant="default"
                onClick={() =>
                  onChange({ ...action, condition: [...(action.condition ?? []), { kind: 'applicability', expression: { language: 'text/fhirpath', expression: '%age >= 18' } }] })
                }
              >
                {t('rules.addCondition')}
              </Button>
            </div>
            {now && now.missing.length > 0 && <Missing traced={now} />}
          </div>
          <Sources action={action} onChange={onChange} readOnly={readOnly} />
          {!readOnly && (
            <div className="row">
              {onAdd && (
                <Button size="compact-sm" variant="default" onClick={onAdd}>
                  {t('rules.addBelow')}
                </Button>
              )}
              <Button size="compact-sm" variant="default" onClick={onRemove}>
                {t('rules.removeAction')}
              </Button>
            </div>
          )}
        </div>
      </fieldset>
      {children}
    </section>
  )
}

function Missing({ traced }: { traced: TracedAction }) {
  const t = useText()
  const lang = useLang()
  return <p className="small">{t('rules.missing', { facts: traced.missing.map((m) => m.display[lang] || m.fact).join(', ') })}</p>
}

/** ATC codes or prefixes; what is typed stays as it is while it is typed. */
function Codes({ codes, onChange }: { codes: string[]; onChange: (codes: string[]) => void }) {
  const t = useText()
  const [typed, setTyped] = useState(codes.join(', '))
  const wrong = typed.split(/[\s,;]+/).filter((code) => code !== '' && !/^-?[A-Za-z]\d{0,2}[A-Za-z]{0,2}\d{0,2}$/.test(code))
  return (
    <TextInput
      label={t('rules.substances')}
      description={t('rules.substancesHint')}
      value={typed}
      spellCheck={false}
      onChange={(event) => {
        setTyped(event.currentTarget.value)
        onChange(event.currentTarget.value.toUpperCase().split(/[\s,;]+/).filter((code) => code !== ''))
      }}
      error={wrong.length > 0 ? t('rules.noAtc', { code: wrong[0] ?? '' }) : undefined}
    />
  )
}

function Regimen({ value, onChange }: { value: string; onChange: (canonical: string) => void }) {
  const t = useText()
  const lang = useLang()
  const regimens = useRules('ActivityDefinition')
  const options = (regimens.data ?? []).map((r) => ({ value: `${r.url}|${r.version}`, label: titleOf(r, lang) })).sort((a, b) => a.label.localeCompare(b.label, lang))
  if (value && !options.some((o) => o.value === value)) options.unshift({ value, label: value })
  return (
    <NativeSelect
      label={t('rules.regimen')}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      data={[{ value: '', label: t('rules.noRegimen') }, ...options]}
    />
  )
}
