import type { Recommendation } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { formatFact, formatInput } from '../../case/facts.ts'
import { useText } from '../../text.ts'

const scores = ['crb-65', 'curb-65', 'qsofa', 'sofa', 'news2']

/** The scores that speak for a severity, beside where it is set: each with what it was computed from. */
export function Scores({ recommendation: r }: { recommendation: Recommendation }) {
  const t = useText()
  const lang = useLang()
  const found = scores.map((name) => r.facts.find((f) => f.name === name)).filter((f) => f !== undefined)
  if (found.length === 0) return null
  return (
    <details>
      <summary>
        {t('review.scores')}:{' '}
        {found.map((f, n) => (
          <span key={f.name}>
            {n > 0 && ' · '}
            {f.display} <strong className="num">{formatFact(f, lang, t)}</strong>
          </span>
        ))}
      </summary>
      <ul className="small">
        {found.map((f) => (
          <li key={f.name}>
            <strong>{f.display}</strong>: {f.formula}
            {f.inputs.length > 0 && (
              <span className="muted">
                {' '}
                {t('review.inputs')} {f.inputs.map((i) => [i.display, formatInput(i, lang, t)].filter(Boolean).join(' ')).join('; ')}
              </span>
            )}
          </li>
        ))}
      </ul>
    </details>
  )
}
