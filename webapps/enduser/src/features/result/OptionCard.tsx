import { IconStarFilled, IconUserShield } from '@tabler/icons-react'
import type { Option, Recommendation } from '@cdss/shared/api/types.ts'
import { Aware } from '@cdss/shared/clinical/Aware.tsx'
import { DoseLine } from '@cdss/shared/clinical/DoseLine.tsx'
import { joinOf } from '@cdss/shared/format/dose.ts'
import { useShared } from '@cdss/shared/i18n/i18n.ts'
import { gapsOf } from '../../case/facts.ts'
import { DecisionBar } from './decision/DecisionBar.tsx'
import { useText } from '../../text.ts'
import classes from './OptionCard.module.css'
import { SourceChips, type Show } from './SourceChips.tsx'
import type { Sources } from './sources.ts'

type Props = { option: Option; recommendation: Recommendation; sources: Sources; show: Show }

export function OptionCard({ option, recommendation: r, sources, show }: Props) {
  const t = useText()
  const shared = useShared()
  const names = [...new Set(option.ingredients.map((i) => i.name))]
  const gaps = gapsOf(r, option)
  const equal = r.options.filter((o) => o.rank === option.rank).length > 1
  const lists = [
    ['monitoring', option.monitoring],
    ['sideEffects', option.sideEffects],
  ] as const
  const texts = [
    ['pregnancy', option.pregnancy],
    ['deescalation', option.deescalation],
  ] as const
  const hasDetails = lists.some(([, list]) => list.length > 0) || texts.some(([, text]) => text !== '')
  return (
    <article
      className={classes.card}
      data-card
      tabIndex={-1}
      data-recommended={option.recommended || undefined}
      data-specialist={option.specialistDecision || undefined}
      aria-label={`${t('result.option', { rank: option.rank })}: ${names.join(' + ')}`}
    >
      <header className={classes.head}>
        <h3 className={classes.rank}>
          {t('result.option', { rank: option.rank })}
          {equal && <span className={classes.equal}> {t('result.equal')}</span>}
        </h3>
        {option.recommended && (
          <span className={classes.recommended}>
            <IconStarFilled size={14} aria-hidden="true" /> {t('result.recommended')}
          </span>
        )}
        {option.specialistDecision && (
          <span className={classes.specialist}>
            <IconUserShield size={16} aria-hidden="true" /> {t('result.specialist')}
          </span>
        )}
        <span className={classes.tags}>
          {option.grade && <span className="small">{t('result.grade', { grade: option.grade })}</span>}
          {option.aware && <Aware group={option.aware} />}
        </span>
      </header>
      {r.banner && <p className={classes.example}>{r.banner}</p>}
      <ul className={classes.ingredients}>
        {option.ingredients.map((ingredient, i) => (
          <li key={i}>
            {joinOf(option.ingredients, i) !== 'first' && (
              <p className={classes.join}>{shared(joinOf(option.ingredients, i) === 'then' ? 'dose.then' : 'dose.plus')}</p>
            )}
            <DoseLine ingredient={ingredient} />
            {ingredient.adjustments.length > 0 && (
              <ul className={classes.adjustments}>
                {ingredient.adjustments.map((adjustment, j) => (
                  <li key={j}>
                    <strong>{t(`result.adjustment.${adjustment.kind}`)}:</strong> {adjustment.text}
                    {adjustment.basis && <span className="muted"> ({adjustment.basis})</span>}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
      {gaps.map((gap, i) => (
        <p key={i} className={classes.gap}>
          <strong>{t('result.notChecked')}:</strong> {gap.reason}
        </p>
      ))}
      {option.why && (
        <p>
          <strong>{t('result.why')}:</strong> {option.why}
        </p>
      )}
      {option.notes && <p className={classes.notes}>{option.notes}</p>}
      {option.interactions.length > 0 && (
        <div className={classes.concern}>
          <h4>{t('result.interactions')}</h4>
          <ul>
            {option.interactions.map((text, i) => (
              <li key={i}>{text}</li>
            ))}
          </ul>
        </div>
      )}
      {option.citations.length > 0 ? (
        <div className={classes.sources}>
          <span className="small muted">{t('result.sources')}</span>
          <SourceChips citations={option.citations} sources={sources} show={show} />
        </div>
      ) : (
        <p className="small">
          <strong>{t('result.noSource')}</strong>
        </p>
      )}
      {hasDetails && (
        <details>
          <summary>{t('result.details')}</summary>
          <div className="stack-tight">
            {lists.map(
              ([name, list]) =>
                list.length > 0 && (
                  <div key={name}>
                    <h4>{t(`result.${name}`)}</h4>
                    <ul>
                      {list.map((text, i) => (
                        <li key={i}>{text}</li>
                      ))}
                    </ul>
                  </div>
                ),
            )}
            {texts.map(
              ([name, text]) =>
                text !== '' && (
                  <div key={name}>
                    <h4>{t(`result.${name}`)}</h4>
                    <p className={classes.notes}>{text}</p>
                  </div>
                ),
            )}
          </div>
        </details>
      )}
      <DecisionBar recommendation={r} option={option} />
    </article>
  )
}
