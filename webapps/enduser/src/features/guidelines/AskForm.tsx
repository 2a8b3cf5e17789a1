import { Button, Textarea } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { stream } from '@cdss/shared/api/stream.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { Quote } from '@cdss/shared/clinical/Quote.tsx'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import fields from '../../case/fields.module.css'
import { useText } from '../../text.ts'
import { Place } from '../../evidence/Place.tsx'
import classes from './Guidelines.module.css'

type Cited = {
  number: number
  document: string
  title: string
  version: string
  validUntil: string | null
  expired: boolean
  page: number | null
  section: string
  quote: string
  language: string
}
export type Answer = {
  abstained: boolean
  reason: string | null
  generated: boolean
  label: string | null
  model: string | null
  sentences: { text: string; citations: number[] }[]
  citations: Cited[]
}

type State = { kind: 'idle' } | { kind: 'asking'; step: string } | { kind: 'answered'; answer: Answer } | { kind: 'failed'; error: unknown }

const steps = ['search', 'generate', 'check'] as const
const isStep = (word: string): word is (typeof steps)[number] => (steps as readonly string[]).includes(word)

/** A question to the guidelines: a cited answer, or the plain statement that there is none. */
export function AskForm() {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  const [question, setQuestion] = useState('')
  const [state, setState] = useState<State>({ kind: 'idle' })
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])

  const ask = () => {
    if (question.trim() === '') return
    running.current?.abort()
    const control = new AbortController()
    running.current = control
    setState({ kind: 'asking', step: '' })
    stream<Answer>('/answers', {
      body: { question: question.trim(), language: lang },
      signal: control.signal,
      onEvent: (name, data) => {
        if (name === 'progress' && !control.signal.aborted) setState({ kind: 'asking', step: (data as { step: string }).step })
      },
    }).then(
      (answer) => !control.signal.aborted && setState({ kind: 'answered', answer }),
      (error: unknown) => !control.signal.aborted && setState({ kind: 'failed', error }),
    )
  }
  const cancel = () => {
    running.current?.abort()
    setState({ kind: 'idle' })
  }
  return (
    <section className={`stack ${fields.section}`} aria-labelledby="ask">
      <h2 id="ask">{t('ask.title')}</h2>
      <form
        className={`stack-tight ${fields.form}`}
        onSubmit={(event) => {
          event.preventDefault()
          ask()
        }}
      >
        <Textarea
          label={t('ask.question')}
          description={t('ask.hint')}
          value={question}
          maxLength={2000}
          autosize
          minRows={2}
          maxRows={6}
          autoComplete="off"
          data-search
          onChange={(e) => setQuestion(e.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
              event.preventDefault()
              ask()
            }
          }}
        />
        <div className="row">
          <Button type="submit" disabled={question.trim() === '' || state.kind === 'asking'}>
            {t('ask.submit')}
          </Button>
          {state.kind === 'asking' && (
            <Button variant="default" onClick={cancel}>
              {shared('view.cancel')}
            </Button>
          )}
          <span role="status" className="small muted">
            {state.kind === 'asking' && (isStep(state.step) ? t(`ask.step.${state.step}`) : shared('view.loading'))}
          </span>
        </div>
      </form>
      {state.kind === 'failed' && <Failure error={state.error} onRetry={ask} />}
      {state.kind === 'answered' && <Answered answer={state.answer} />}
    </section>
  )
}

function Answered({ answer: a }: { answer: Answer }) {
  const t = useText()
  return (
    <div className="stack" role="region" aria-label={t('ask.answer')}>
      {a.abstained && (
        <SeverityBand indicator="info" title={t('ask.abstained')}>
          {a.reason && <p>{a.reason}</p>}
        </SeverityBand>
      )}
      {a.generated && (
        <div className={classes.generated}>
          <p className="small">
            <strong>{a.label}</strong> {a.model && <span className="muted">{a.model}</span>}
          </p>
          <p>
            {a.sentences.map((s, i) => (
              <span key={i}>
                {s.text}
                {s.citations.map((n) => (
                  <a key={n} href={`#answer-${n}`} className={classes.number} aria-label={t('ask.toCitation', { number: n })}>
                    {n}
                  </a>
                ))}{' '}
              </span>
            ))}
          </p>
        </div>
      )}
      {a.citations.length > 0 && (
        <>
          <h3>{t(a.abstained ? 'ask.nearest' : 'ask.passages')}</h3>
          <ol className={classes.list}>
            {a.citations.map((c) => (
              <li key={c.number} id={`answer-${c.number}`} className={classes.item} tabIndex={-1}>
                <div className="stack-tight">
                  <div className="row">
                    <span className={classes.number}>{c.number}</span>
                    <SourceLine source={c} expired={c.expired} validUntil={c.validUntil} />
                  </div>
                  <Quote text={c.quote} lang={c.language} />
                  <Shown citation={c} />
                </div>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  )
}

function Shown({ citation }: { citation: Cited }) {
  const t = useText()
  const [open, setOpen] = useState(false)
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary className="small">{t('evidence.show')}</summary>
      {open && <Place citation={citation} quote={citation.quote} />}
    </details>
  )
}
