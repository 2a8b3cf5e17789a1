import type { Fact } from '@cdss/shared/api/types.ts'
import { formatAge, formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { isEntered } from '../../case/bundle.ts'
import { dateOf, formatFact, formatInput } from '../../case/facts.ts'
import { useText } from '../../text.ts'
import classes from './ReviewPage.module.css'

/** Every known fact with value, origin and age; computed ones with formula and inputs. */
export function UsedFacts({ facts }: { facts: Fact[] }) {
  const t = useText()
  const lang = useLang()
  const now = new Date()
  const known = facts.filter((fact) => fact.state === 'known')
  const absent = facts.filter((fact) => fact.state === 'absent')
  return (
    <>
      <table className={classes.table}>
        <caption className="visually-hidden">{t('review.usedCaption')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('review.fact')}</th>
            <th scope="col">{t('review.value')}</th>
            <th scope="col">{t('review.from')}</th>
            <th scope="col">{t('review.when')}</th>
          </tr>
        </thead>
        <tbody>
          {known.map((fact) => {
            // The birth date behind a typed age is made up.
            const date = fact.name === 'age' && isEntered(fact.source) ? '' : dateOf(fact)
            return (
              <tr key={fact.name}>
                <th scope="row">{fact.display}</th>
                <td className={`${classes.value} num`}>{formatFact(fact, lang, t)}</td>
                <td className="small">
                  <Origin fact={fact} />
                </td>
                <td className="small">
                  {date && (
                    <>
                      <span className="nowrap">{formatDate(date, lang)}</span>{' '}
                      {fact.name !== 'age' && <span className="muted nowrap">{formatAge(date, now, lang)}</span>}
                    </>
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {absent.length > 0 && (
        <p>
          <span className="muted">{t('review.denied')}:</span> {absent.map((fact) => fact.display).join(', ')}
        </p>
      )}
    </>
  )
}

function Origin({ fact }: { fact: Fact }) {
  const t = useText()
  const lang = useLang()
  // A measured value is its own only input: that says nothing new.
  const inputs = fact.inputs.filter((input) => input.display && !(input.reference === fact.source && input.value === fact.value))
  const entered = isEntered(fact.source) || fact.inputs.some((input) => isEntered(input.reference))
  return (
    <>
      {fact.formula && <div>{fact.formula}</div>}
      {inputs.length > 0 && (
        <div className="muted">
          {t('review.inputs')}{' '}
          {inputs.map((input) => [input.display, formatInput(input, lang, t)].filter(Boolean).join(' ')).join('; ')}
        </div>
      )}
      {entered ? (
        <div className="muted">{t('facts.entered')}</div>
      ) : (
        !fact.formula &&
        inputs.every((input) => input.reference === fact.source) && <Source source={fact.source} />
      )}
    </>
  )
}

function Source({ source }: { source: string }) {
  const t = useText()
  if (source === 'computed') return t('facts.computed')
  if (source === 'request') return t('facts.stated')
  return <span className="code muted">{source}</span>
}
