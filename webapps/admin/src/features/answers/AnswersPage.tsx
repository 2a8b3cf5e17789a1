import { Button, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { call } from '@cdss/shared/api/call.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { Passage } from '@cdss/shared/passage/Passage.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText, type TextKey } from '../../text.ts'
import { LabNav } from '../../lab/LabNav.tsx'
import type { Answer, AnswerCitation } from '../../lab/types.ts'
import { Built } from '../../lab/Built.tsx'

const known = new Set(['unknown-passage', 'quote', 'number', 'concept', 'negation', 'dose', 'form'])

/** Tries an answer: what was written, what each sentence rests on, and what the checks dropped. */
export function AnswersPage() {
  const t = useText()
  const lang = useLang()
  const [question, setQuestion] = useState('')
  const [tried, setTried] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const ask = useMutation({
    mutationFn: (asked: string) => call<Answer>('/answers', { method: 'POST', body: { question: asked, language: lang } }),
    onSuccess: () => requestAnimationFrame(() => heading.current?.focus()),
  })
  const run = () => {
    setTried(true)
    if (question.trim() !== '') ask.mutate(question.trim())
  }
  const a = ask.data
  return (
    <Page title={t('answers.title')} lead={t('answers.lead')}>
      <LabNav />
      <form
        className={`${shapes.panel} stack`}
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
        <TextInput
          label={t('answers.question')}
          description={t('answers.questionHint')}
          value={question}
          onChange={(event) => setQuestion(event.currentTarget.value)}
          error={tried && question.trim() === '' ? t('search.needQuery') : undefined}
          maxLength={2000}
        />
        <div>
          <Button type="submit" loading={ask.isPending}>
            {t('answers.ask')}
          </Button>
        </div>
      </form>
      {ask.isIdle && <Empty title={t('answers.start')} />}
      {ask.isPending && <Loading lines={4} />}
      {ask.isError && <Failure error={ask.error} onRetry={run} />}
      {a && (
        <>
          <section className={`${shapes.panel} stack`} aria-labelledby="answer">
            <h2 id="answer" ref={heading} tabIndex={-1}>
              {t(a.abstained ? 'answers.abstained' : a.generated ? 'answers.generated' : 'answers.quoted')}
            </h2>
            {a.label && <SeverityBand indicator="warning" title={a.label} />}
            {a.abstained && a.reason && <p>{a.reason}</p>}
            {a.degraded.length > 0 && <SeverityBand indicator="warning" title={t('search.degraded', { legs: a.degraded.join(', ') })} />}
            {a.sentences.length > 0 && (
              <ol className="stack-tight">
                {a.sentences.map((s, i) => (
                  <li key={i}>
                    {s.text}{' '}
                    {s.citations.map((n) => (
                      <a key={n} href={`#citation-${n}`} aria-label={t('answers.citation', { number: n })}>
                        [{n}]
                      </a>
                    ))}{' '}
                    <span className="small muted">{t('answers.passed')}</span>
                  </li>
                ))}
              </ol>
            )}
            <Checks answer={a} />
          </section>
          <section className="stack" aria-labelledby="citations">
            <h2 id="citations">{t(a.abstained ? 'answers.nearest' : 'answers.citations')}</h2>
            <ul className={shapes.plain}>
              {a.citations.map((c) => (
                <Cited key={c.number} citation={c} />
              ))}
            </ul>
          </section>
          <Built query={a.query} />
        </>
      )}
    </Page>
  )
}

function Checks({ answer: a }: { answer: Answer }) {
  const t = useText()
  const lang = useLang()
  const dropped = Object.entries(a.dropped)
  if (!a.model && dropped.length === 0) return <p className="small muted">{t('answers.noModel')}</p>
  return (
    <div className="stack-tight">
      <h3>{t('answers.checks')}</h3>
      {a.model && <p className="small muted">{t('answers.model', { model: a.model })}</p>}
      {dropped.length === 0 && <p>{t('answers.nothingDropped')}</p>}
      {dropped.length > 0 && (
        <dl className={shapes.list}>
          {dropped.map(([reason, count]) => (
            <div key={reason} className={shapes.pair}>
              <dt>{known.has(reason) ? t(`answers.dropped.${reason}` as TextKey) : reason}</dt>
              <dd className="num">{formatNumber(count, lang)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}

function Cited({ citation: c }: { citation: AnswerCitation }) {
  const t = useText()
  const shared = useShared()
  return (
    <li id={`citation-${c.number}`} className={`${shapes.panel} stack-tight`}>
      <h3>{t('answers.citation', { number: c.number })}</h3>
      <SourceLine
        source={{ document: c.document, title: c.title, version: c.version, page: c.page, section: c.path.join(' › ') || c.section }}
        expired={c.expired}
        validUntil={c.validUntil}
      />
      <Passage text={c.quote} lang={c.language} label={shared('source.table')} />
      {c.guideline && (
        <p>
          <Link to="/guidelines/$id" params={{ id: c.guideline }} search={{ ...(c.page === null ? {} : { page: c.page }), passage: c.passage }}>
            {t('search.open')}
          </Link>
        </p>
      )}
    </li>
  )
}
