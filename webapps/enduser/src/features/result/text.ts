import type { Lang, Recommendation } from '@cdss/shared/api/types.ts'
import { shortSource } from '@cdss/shared/clinical/source.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { doseSegments, joinOf } from '@cdss/shared/format/dose.ts'
import type { de as common } from '@cdss/shared/i18n/de.ts'
import type { Translate } from '@cdss/shared/i18n/i18n.ts'
import { contextFacts, formatFact } from '../../case/facts.ts'
import { byGravity } from '../../case/gravity.ts'
import type { de } from '../../texts/de.ts'

/**
 * The recommendation as plain text for a chart: everything that qualifies it
 * comes along, so that no dose leaves without its warnings and gaps.
 */
export function plainText(r: Recommendation, lang: Lang, t: Translate<typeof de>, shared: Translate<typeof common>): string {
  const lines: string[] = []
  const section = (title: string, entries: string[]) => {
    if (entries.length > 0) lines.push('', title, ...entries.map((e) => `- ${e}`))
  }
  lines.push(t('result.title'))
  if (r.banner) lines.push(r.banner)
  lines.push([r.indication?.display, r.severity && t(`request.${r.severity.value}`)].filter(Boolean).join(', '))
  lines.push(
    contextFacts(r.facts)
      .map((f) => `${f.display} ${formatFact(f, lang, t)}`)
      .join('; '),
  )
  section(
    t('result.safety'),
    byGravity(r.warnings).map((w) => `${shared(`severity.${w.indicator}`)}: ${w.summary}`),
  )
  section(
    t('result.options'),
    r.options.map((o) => {
      const doses = o.ingredients.map((i, n) => {
        const adjusted = i.adjustments.map((a) => a.text).join('; ')
        const join = { first: '', then: ', ' + shared('dose.then') + ' ', plus: ' + ' }[joinOf(o.ingredients, n)]
        return `${join}${i.name} ${doseSegments(i, lang).join(', ')}${adjusted ? ` [${adjusted}]` : ''}`
      })
      const marks = [o.recommended && t('result.recommended'), o.specialistDecision && t('result.specialist')].filter(Boolean)
      const sources = o.citations.map((c) => shortSource(c, lang)).join('; ')
      return `${o.rank}. ${doses.join('')}${marks.length ? ` (${marks.join(', ')})` : ''}${sources ? ` [${sources}]` : ''}`
    }),
  )
  if (r.abstainReason) lines.push('', r.abstainReason)
  section(
    t('result.excluded'),
    r.excluded.map((e) => `${e.name} (${t(`result.reasons.${e.reason}`)}): ${e.detail}`),
  )
  section(
    t('result.notChecked'),
    r.notChecked.map((n) => `${n.check}: ${n.reason}`),
  )
  lines.push('', ...r.notes)
  lines.push('', t('result.computed', { date: formatDate(r.createdAt, lang) }), t('purpose'))
  // Narrow no-break spaces do not survive every hospital system.
  return lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n').replace(/[\u202f\u00a0]/g, ' ')
}
