import { Button, CloseButton, NativeSelect, TextInput } from '@mantine/core'
import { useId, useState } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useIndications } from '../../guideline/guidelines.ts'
import { useText, type TextKey } from '../../text.ts'
import { ExpressionField } from './ExpressionField.tsx'
import { Outcome, type Patient } from './Traced.tsx'
import { factNamed, facts } from './model/facts.ts'
import { ops, readCondition, readNumber, writeCondition, type Group, type Op, type Part, type Term } from './model/condition.ts'
import classes from './rules.module.css'
import type { ExpressionQuestion, TracedCondition } from './types.ts'

type Props = {
  label: string
  language: string
  value: string
  onChange: (expression: string, language: string) => void
  onRemove: () => void
  /** How it came out on the example that is chosen. */
  traced: TracedCondition | undefined
  /** What the server found wrong with it. */
  faults: string[]
  /** What it may name, and on whom it is tried. */
  about: Pick<ExpressionQuestion, 'libraries' | 'rule'>
  patient: Patient
}

const languages = ['text/fhirpath', 'text/cql-expression', 'text/cql-identifier'] as const
const languageOf = (name: string) => (name === 'text/cql' || name === 'text/cql.expression' ? 'text/cql-expression' : name === 'text/cql.identifier' ? 'text/cql-identifier' : languages.find((l) => l === name)) ?? 'text/fhirpath'

/** One condition: as sentences where they can say it, else, or on demand, as FHIRPath or CQL. */
export function ConditionEditor({ label, language, value, onChange, onRemove, traced, faults, about, patient }: Props) {
  const t = useText()
  const lang = languageOf(language)
  const path = lang === 'text/fhirpath'
  const [group, setGroup] = useState<Group | null>(() => (path ? readCondition(value) : null))
  const [asText, setAsText] = useState(() => group === null)
  const read = asText && path ? readCondition(value) : null
  const change = (next: Group) => {
    setGroup(next)
    onChange(writeCondition(next), language)
  }
  return (
    <div className="stack-tight" role="group" aria-label={label}>
      <div className="row">
        <strong>{label}</strong>
        {traced && <Outcome outcome={traced.outcome} />}
        <Button
          size="compact-sm"
          variant="subtle"
          disabled={asText && read === null}
          onClick={() => {
            if (asText) setGroup(read)
            setAsText(!asText)
          }}
        >
          {t(asText ? 'rules.asSentences' : 'rules.asText')}
        </Button>
        <CloseButton aria-label={t('rules.removeOf', { what: label })} onClick={onRemove} />
      </div>
      {asText || group === null ? (
        <>
          <NativeSelect
            aria-label={`${label}: ${t('rules.language')}`}
            value={lang}
            onChange={(event) => onChange(value, event.currentTarget.value)}
            data={languages.map((name) => ({ value: name, label: t(`rules.languages.${name === 'text/fhirpath' ? 'fhirpath' : name === 'text/cql-expression' ? 'cql' : 'name'}`) }))}
          />
          <ExpressionField
            label={`${label}: ${path ? 'FHIRPath' : 'CQL'}`}
            about={{ ...about, language: lang }}
            value={value}
            onChange={(text) => onChange(text, language)}
            patient={path ? '' : patient}
            description={path && read === null && value !== '' ? t('rules.textOnly') : undefined}
            faults={faults}
          />
        </>
      ) : (
        <>
          <GroupEditor group={group} onChange={change} top />
          <p className="small muted code">{value}</p>
          {faults.length > 0 && (
            <p className="small" role="alert">
              {faults.join(' · ')}
            </p>
          )}
        </>
      )}
      {traced && <Values condition={traced} />}
    </div>
  )
}

/** What the condition read of the example. */
function Values({ condition }: { condition: TracedCondition }) {
  const t = useText()
  const lang = useLang()
  if (condition.reads.length === 0) return null
  return (
    <p className={`small ${classes.value}`}>
      <span className="muted">{t('rules.readsNow')}</span>
      {condition.reads.map((read, i) => (
        <span key={i}>
          {read.display[lang] || read.name}: <span className="num">{read.known ? `${read.value || '–'}${read.unit ? ` ${read.unit}` : ''}` : t('rules.unknown')}</span>
        </span>
      ))}
    </p>
  )
}

const fresh: Term = { kind: 'compare', fact: 'age', op: '>=', value: '18', text: false }

function GroupEditor({ group, onChange, onRemove, top }: { group: Group; onChange: (group: Group) => void; onRemove?: () => void; top?: boolean }) {
  const t = useText()
  const id = useId()
  const put = (i: number, part: Part | null) =>
    onChange({ ...group, parts: group.parts.flatMap((old, j) => (j === i ? (part ? [part] : []) : [old])) })
  return (
    <fieldset className={classes.group} aria-label={t('rules.group')}>
      <div className="stack-tight">
        {(group.parts.length > 1 || !top) && (
          <div className="row">
            <NativeSelect
              id={id}
              aria-label={t('rules.join')}
              value={group.join}
              onChange={(event) => onChange({ ...group, join: event.currentTarget.value as 'and' | 'or' })}
              data={[
                { value: 'and', label: t('rules.all') },
                { value: 'or', label: t('rules.any') },
              ]}
            />
            {onRemove && <CloseButton aria-label={t('rules.removeOf', { what: t('rules.group') })} onClick={onRemove} />}
          </div>
        )}
        {group.parts.map((part, i) =>
          part.kind === 'group' ? (
            <GroupEditor key={i} group={part} onChange={(next) => put(i, next)} onRemove={() => put(i, null)} />
          ) : (
            <TermEditor key={i} term={part} onChange={(next) => put(i, next)} onRemove={() => put(i, null)} />
          ),
        )}
        <div className="row">
          <Button size="compact-sm" variant="default" onClick={() => onChange({ ...group, parts: [...group.parts, fresh] })}>
            {t('rules.addTerm')}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => onChange({ ...group, parts: [...group.parts, { kind: 'group', join: group.join === 'and' ? 'or' : 'and', parts: [fresh] }] })}
          >
            {t('rules.addGroup')}
          </Button>
        </div>
      </div>
    </fieldset>
  )
}

/** A comparison of another fact, with a value that makes sense for it. */
function termFor(name: string): Term {
  const fact = factNamed(name)
  switch (fact?.kind) {
    case 'number':
      return { kind: 'compare', fact: name, op: '>=', value: '1', text: false }
    case 'text':
      return { kind: 'compare', fact: name, op: '=', value: fact.values?.[0] ?? '', text: true }
    case 'codes':
      return { kind: 'among', fact: name, code: '', negated: false }
    default:
      return { kind: 'yes', fact: name, negated: false }
  }
}

function TermEditor({ term, onChange, onRemove }: { term: Term; onChange: (term: Term) => void; onRemove: () => void }) {
  const t = useText()
  const lang = useLang()
  const known = factNamed(term.fact)
  const indications = useIndications()
  const values =
    term.fact === 'indication'
      ? (indications.data?.categories ?? []).flatMap((c) => c.indications.map((i) => ({ value: i.code, label: i[lang] })))
      : (known?.values ?? []).map((value) => ({ value, label: value }))
  const options = facts.map((fact) => ({ value: fact.name, label: fact[lang] })).sort((a, b) => a.label.localeCompare(b.label, lang))
  if (!known) options.unshift({ value: term.fact, label: `%${term.fact}` })
  return (
    <div className={classes.term}>
      <NativeSelect aria-label={t('rules.fact')} value={term.fact} onChange={(event) => onChange(termFor(event.currentTarget.value))} data={options} />
      {term.kind === 'compare' ? (
        <NativeSelect
          aria-label={t('rules.op')}
          value={term.op}
          onChange={(event) => onChange({ ...term, op: event.currentTarget.value as Op })}
          data={ops.filter((op) => !term.text || op === '=' || op === '!=').map((op) => ({ value: op, label: t(`rules.ops.${names[op]}` as TextKey) }))}
        />
      ) : (
        <NativeSelect
          aria-label={t('rules.op')}
          value={term.negated ? 'no' : 'yes'}
          onChange={(event) => onChange({ ...term, negated: event.currentTarget.value === 'no' })}
          data={[
            { value: 'yes', label: t(term.kind === 'yes' ? 'rules.isSo' : 'rules.among') },
            { value: 'no', label: t(term.kind === 'yes' ? 'rules.isNotSo' : 'rules.notAmong') },
          ]}
        />
      )}
      {term.kind === 'compare' && !term.text && <NumberField value={term.value} unit={known?.unit ?? ''} onChange={(value) => onChange({ ...term, value })} />}
      {term.kind === 'compare' &&
        term.text &&
        (values.length > 0 ? (
          <NativeSelect
            aria-label={t('rules.value')}
            value={term.value}
            onChange={(event) => onChange({ ...term, value: event.currentTarget.value })}
            data={values.some((v) => v.value === term.value) ? values : [{ value: term.value, label: term.value || '–' }, ...values]}
          />
        ) : (
          <TextInput aria-label={t('rules.value')} value={term.value} onChange={(event) => onChange({ ...term, value: event.currentTarget.value })} spellCheck={false} />
        ))}
      {term.kind === 'among' && (
        <TextInput aria-label={t('rules.value')} value={term.code} onChange={(event) => onChange({ ...term, code: event.currentTarget.value })} spellCheck={false} />
      )}
      <CloseButton aria-label={t('rules.removeOf', { what: known?.[lang] ?? term.fact })} onClick={onRemove} />
    </div>
  )
}

const names = { '=': 'eq', '!=': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' } as const

/** A number with its unit; what is no number stays in the field and is not taken over. */
function NumberField({ value, unit, onChange }: { value: string; unit: string; onChange: (value: string) => void }) {
  const t = useText()
  const lang = useLang()
  const [typed, setTyped] = useState(lang === 'de' ? value.replace('.', ',') : value)
  const read = readNumber(typed)
  return (
    <TextInput
      aria-label={unit ? `${t('rules.value')} (${unit})` : t('rules.value')}
      inputMode="decimal"
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value)
        const next = readNumber(event.currentTarget.value)
        if (next !== null) onChange(next)
      }}
      error={read === null ? t('rules.noNumber') : undefined}
      rightSection={unit ? <span className="small muted nowrap">{unit}</span> : undefined}
      rightSectionWidth={unit ? unit.length * 8 + 16 : undefined}
    />
  )
}
