import { Button, Textarea } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useId, useRef, useState, type KeyboardEvent } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useText } from '../../text.ts'
import { readExample, tryExpression } from './api.ts'
import { complete } from './model/completion.ts'
import classes from './rules.module.css'
import type { Patient } from './Traced.tsx'
import type { ExpressionAnswer, ExpressionQuestion } from './types.ts'

type Props = {
  label: string
  /** Without the text itself: what it may name, and of which artifact it is. */
  about: Omit<ExpressionQuestion, 'text' | 'before' | 'case' | 'bundle'>
  value: string
  onChange: (text: string) => void
  patient: Patient
  /** What is asked for the worth of; the text itself where it is missing. */
  ask?: string
  /** A Library is written: its source is the text, which is asked for as a whole. */
  library?: (source: string) => unknown
  readOnly?: boolean
  description?: string | undefined
  faults?: string[]
}

const none: ExpressionAnswer = { problems: [], typed: '', completions: [], reads: [] }

/** An expression as text: what is wrong and where, how it can go on, and what it is worth on the patient that is chosen. */
export function ExpressionField({ label, about, value, onChange, patient, ask, library, readOnly, description, faults = [] }: Props) {
  const t = useText()
  const lang = useLang()
  const id = useId()
  const field = useRef<HTMLTextAreaElement>(null)
  const first = useRef<HTMLButtonElement>(null)
  const [caret, setCaret] = useState<number | null>(null)
  const [settled] = useDebouncedValue({ value, caret, ask }, 300)
  const answer = useExpression(
    {
      ...about,
      ...(library ? { library: library(settled.value) } : {}),
      text: library ? (settled.ask ?? '') : settled.value,
      before: settled.caret === null ? '' : settled.value.slice(0, settled.caret),
    },
    patient,
    !readOnly && settled.value.trim() !== '',
  )
  const told = answer.data ?? none
  const current = settled.value === value && settled.caret === caret
  // Where nothing is begun, all that there is would be noise.
  const begun = caret !== null && (told.typed !== '' || /[.[]\s*$/.test(value.slice(0, caret)))
  const offered =
    caret === null || !current || !(begun || about.language === 'text/fhirpath') ? { typed: '', list: [] } : about.language === 'text/fhirpath' ? complete(value.slice(0, caret), lang) : { typed: told.typed, list: told.completions.slice(0, 12) }
  const insert = (text: string) => {
    if (caret === null) return
    const from = caret - offered.typed.length
    onChange(value.slice(0, from) + text + value.slice(caret))
    const to = from + text.length
    setCaret(to)
    requestAnimationFrame(() => {
      field.current?.focus()
      field.current?.setSelectionRange(to, to)
    })
  }
  const go = (line: number, column: number) => {
    const lines = value.split('\n').slice(0, line)
    const before = lines.slice(0, -1).reduce((sum, l) => sum + l.length + 1, 0)
    // The server counts characters, the field UTF-16 units.
    const at = before + Array.from(lines.at(-1) ?? '').slice(0, column - 1).join('').length
    field.current?.focus()
    field.current?.setSelectionRange(at, at)
    setCaret(at)
  }
  const toOffered = (event: KeyboardEvent) => {
    if (event.key === ' ' && event.ctrlKey && first.current) {
      event.preventDefault()
      first.current.focus()
    }
  }
  const place = (event: { currentTarget: HTMLTextAreaElement }) => setCaret(event.currentTarget.selectionStart)
  return (
    <div className="stack-tight">
      <Textarea
        ref={field}
        aria-label={label}
        aria-describedby={`${id}-help`}
        autosize
        minRows={library ? 14 : 2}
        maxRows={40}
        spellCheck={false}
        autoComplete="off"
        value={value}
        readOnly={readOnly}
        onChange={(event) => {
          onChange(event.currentTarget.value)
          place(event)
        }}
        onSelect={place}
        onKeyDown={toOffered}
        description={description}
        error={faults.length > 0 ? faults.join(' · ') : undefined}
        classNames={{ input: 'code' }}
      />
      <p id={`${id}-help`} className="visually-hidden">
        {t('rules.completeHint')}
      </p>
      {offered.list.length > 0 && (
        <ul className={classes.offered} aria-label={t('rules.completions')}>
          {offered.list.map((c, i) => (
            <li key={c.text}>
              <Button
                ref={i === 0 ? first : undefined}
                size="compact-xs"
                variant="default"
                onClick={() => insert(c.text)}
                onKeyDown={(event) => {
                  if (event.key === 'Escape') field.current?.focus()
                }}
              >
                <span className="code">{c.text}</span>
                {c.type && <span className="muted">&nbsp;{c.type.replace(/^(System|FHIR)\./, '')}</span>}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {current && told.problems.length > 0 && (
        <ul className="small" aria-label={t('rules.problems')}>
          {told.problems.map((p, i) => (
            <li key={i}>
              {p.line > 0 && (
                <Button size="compact-xs" variant="subtle" onClick={() => go(p.line, p.column)}>
                  {t('rules.faultAt', { line: p.line, column: p.column })}
                </Button>
              )}{' '}
              {p.definition && <span className="code">{p.definition}: </span>}
              {p.message}
            </li>
          ))}
        </ul>
      )}
      {patient !== '' && <Worth told={told} />}
    </div>
  )
}

/** Asks about an expression, on the data of a patient where one is chosen. */
export function useExpression(question: ExpressionQuestion, patient: Patient, enabled: boolean) {
  const [kind, name = ''] = patient.split(':')
  return useQuery({
    queryKey: ['rules', 'expression', question, patient],
    queryFn: async ({ signal }) =>
      tryExpression({ ...question, ...(kind === 'case' ? { case: name } : kind === 'example' ? { bundle: await readExample(name) } : {}) }, signal),
    enabled,
    retry: false,
    gcTime: 60_000,
    placeholderData: (before) => before,
  })
}

/** What an expression in CQL is worth, and the definitions behind it. */
export function Worth({ told }: { told: ExpressionAnswer }) {
  const t = useText()
  if (!told.value) return null
  return (
    <div className={`small ${classes.worth}`} role="status">
      <p>
        <span className="muted">{t('rules.worth')}</span> <span className="num">{told.value.text}</span>
        {told.value.unknown && told.value.unknown.length > 0 && <> – {t('rules.notKnown', { what: told.value.unknown.join(', ') })}</>}
      </p>
      {told.reads.length > 0 && (
        <dl className={classes.reads} aria-label={t('rules.definitions')}>
          {told.reads.map((r, i) => (
            <div key={i}>
              <dt className="code">{r.name}</dt>
              <dd className="num">{r.text}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}
