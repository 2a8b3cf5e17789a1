import { useMediaQuery } from '@mantine/hooks'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { ExampleBanner } from '@cdss/shared/clinical/ExampleBanner.tsx'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { scrollWithin } from '@cdss/shared/view/scrollWithin.ts'
import type { Case } from '../../case/cases.ts'
import { useProgress } from '../../case/recommendation.ts'
import { WithCase } from '../../case/WithCase.tsx'
import { useText } from '../../text.ts'
import { Actions } from './decision/Actions.tsx'
import { Decided } from './decision/DecisionBar.tsx'
import { SavedBand } from './SavedBand.tsx'
import { ContextStrip } from './ContextStrip.tsx'
import { EvidenceDrawer } from './EvidenceDrawer.tsx'
import { EvidencePanel } from './EvidencePanel.tsx'
import { Excluded, NotCheckedList } from './Excluded.tsx'
import { OptionCard } from './OptionCard.tsx'
import classes from './ResultPage.module.css'
import { Safety } from './Safety.tsx'
import { sourcesOf } from './sources.ts'
import { WhatIf } from './WhatIf.tsx'

export function ResultPage({ id }: { id: string }) {
  const t = useText()
  return (
    <WithCase id={id} title={t('result.title')}>
      {(c, r) => <Result case={c} recommendation={r} />}
    </WithCase>
  )
}

/** Room beside the options for the evidence; below it opens on top. */
const beside = '(min-width: 68rem)'

function Result({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const lang = useLang()
  const wide = useMediaQuery(beside, true, { getInitialValueInEffect: false })
  const narrative = useProgress(c).narrative
  const sources = useMemo(() => sourcesOf(r), [r])
  const [selected, setSelected] = useState<string | null>(null)
  const opener = useRef<HTMLElement | null>(null)

  const show = useCallback((key: string, from: HTMLElement) => {
    opener.current = from
    setSelected(key)
    // Where the panel stands beside, the passage itself takes the keyboard.
    requestAnimationFrame(() => {
      const item = document.getElementById(`source-${key}`)
      if (!item) return
      item.focus({ preventScroll: true })
      scrollWithin(item)
    })
  }, [])
  const back = useCallback(() => {
    setSelected(null)
    opener.current?.focus()
  }, [])

  // Wherever the keyboard is by then: Escape goes back to the option. The drawer has an Escape of its own.
  useEffect(() => {
    if (!wide || selected === null) return
    const escape = (event: KeyboardEvent) => {
      if (event.key === 'Escape') back()
    }
    window.addEventListener('keydown', escape)
    return () => window.removeEventListener('keydown', escape)
  }, [wide, selected, back])

  const evidence = { sources, selected, back, narrow: !wide }
  return (
    <>
      {r.banner && <ExampleBanner text={r.banner} />}
      <div className={classes.columns}>
        <div className="stack">
          <ContextStrip case={c} recommendation={r} />
          <SavedBand case={c} recommendation={r} />
          <Safety recommendation={r} sources={sources} show={show} />
          <Decided recommendation={r} />
          <section className="stack" aria-labelledby="options">
            <h2 id="options">{t('result.options')}</h2>
            {r.abstained || r.options.length === 0 ? (
              <Abstained recommendation={r} />
            ) : (
              <ol className={classes.options}>
                {r.options.map((option, i) => (
                  <li key={i}>
                    <OptionCard option={option} recommendation={r} sources={sources} show={show} />
                  </li>
                ))}
              </ol>
            )}
          </section>
          {!c.frozen && <WhatIf key={c.revision} case={c} recommendation={r} />}
          <Excluded recommendation={r} sources={sources} show={show} />
          <NotCheckedList recommendation={r} />
          {narrative === 'pending' && (
            <p role="status" className="small muted">
              {t('progress.writing')}
            </p>
          )}
          {narrative === 'failed' && <p className="small muted">{t('progress.notWritten')}</p>}
          {r.narrative && (
            <section className={classes.generated} aria-labelledby="narrative">
              <h2 id="narrative">{t('result.generated')}</h2>
              <p className="small muted">
                {r.narrative.label} · {r.narrative.model}
              </p>
              <p className={classes.prose}>{r.narrative.text}</p>
            </section>
          )}
          <footer className={classes.foot}>
            <Actions case={c} recommendation={r} />
            <p className="small muted">
              {t('result.computed', { date: formatDate(r.createdAt, lang) })} · {t('result.id', { id: r.id.slice(0, 8) })}
              {r.knowledge.length > 0 && ` · ${t('result.knowledge')}: `}
              {r.knowledge.map((k) => `${k.url.split('/').at(-1)} ${k.version}`).join(', ')}
            </p>
          </footer>
        </div>
        {wide ? (
          <aside className={classes.aside} aria-labelledby="evidence">
            <EvidencePanel {...evidence} />
          </aside>
        ) : (
          <EvidenceDrawer {...evidence} />
        )}
      </div>
    </>
  )
}

function Abstained({ recommendation: r }: { recommendation: Recommendation }) {
  const t = useText()
  return (
    <div className={classes.abstained} data-state="empty">
      <p>
        <strong>{t('result.optionsNone')}</strong>
      </p>
      <p>{r.abstainReason || t('result.noRule')}</p>
    </div>
  )
}
