import { useShared } from '@cdss/shared/i18n/i18n.ts'
import { Quote } from '@cdss/shared/clinical/Quote.tsx'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import type { ReactNode } from 'react'
import { Place } from '../../evidence/Place.tsx'
import { useText } from '../../text.ts'
import classes from './EvidencePanel.module.css'
import type { Sources } from './sources.ts'

type Props = { sources: Sources; selected: string | null; back: () => void }

/** All passages in the order of their numbers, the selected one marked. */
export function EvidencePanel({ sources, selected, back }: Props) {
  const t = useText()
  const none = sources.cited.length === 0 && sources.supporting.length === 0
  return (
    <div className="stack">
      <div>
        <h2 id="evidence">{t('result.evidence')}</h2>
        <p className="small muted">{t(none ? 'result.evidenceNone' : 'result.evidenceHint')}</p>
      </div>
      {sources.cited.length > 0 && (
        <ol className={classes.list}>
          {sources.cited.map((source) => (
            <Item key={source.key} id={source.key} number={source.number} selected={selected === source.key} back={back}>
              <SourceLine
                source={source.citation}
                expired={source.evidence?.expired}
                validUntil={source.evidence?.validUntil}
              />
              <Quote text={source.citation.quote ?? source.evidence?.quote ?? null} />
              {selected === source.key && <Place citation={source.citation} quote={source.citation.quote ?? source.evidence?.quote ?? null} />}
            </Item>
          ))}
        </ol>
      )}
      {sources.supporting.length > 0 && (
        <>
          <div>
            <h3>{t('result.supporting')}</h3>
            <p className="small muted">{t('result.supportingHint')}</p>
          </div>
          <ol className={classes.list}>
            {sources.supporting.map((source) => (
              <Item key={source.key} id={source.key} number={source.number} selected={selected === source.key} back={back}>
                <SourceLine source={source.evidence} expired={source.evidence.expired} validUntil={source.evidence.validUntil} />
                <Quote text={source.evidence.quote} />
                <details>
                  <summary className="small">{t('evidence.show')}</summary>
                  <Place citation={source.evidence} quote={source.evidence.quote} />
                </details>
              </Item>
            ))}
          </ol>
        </>
      )}
    </div>
  )
}

type ItemProps = { id: string; number: number; selected: boolean; back: () => void; children: ReactNode }

function Item({ id, number, selected, back, children }: ItemProps) {
  const t = useText()
  const shared = useShared()
  return (
    <li
      id={`source-${id}`}
      tabIndex={-1}
      className={classes.item}
      data-selected={selected || undefined}
      aria-label={`${shared('citation.source')} ${number}`}
      onKeyDown={(event) => {
        if (selected && event.key === 'Escape') back()
      }}
    >
      <span className={classes.number} aria-hidden="true">
        {number}
      </span>
      <div className="stack-tight">
        {children}
        {selected && (
          <div>
            <button type="button" className="link small" onClick={back}>
              {t('result.backTo')}
            </button>
          </div>
        )}
      </div>
    </li>
  )
}
