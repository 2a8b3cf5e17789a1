import type { Fact, FactInput, FactValue, Lang, Recommendation } from '@cdss/shared/api/types.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { formatUnit } from '@cdss/shared/format/unit.ts'
import type { Translate } from '@cdss/shared/i18n/i18n.ts'
import type { de } from '../texts/de.ts'

type T = Translate<typeof de>

// Digits that a value deserves: more would feign a precision nobody measured.
const digits: Record<string, number> = {
  age: 0,
  bmi: 1,
  weight: 1,
  height: 0,
  'ideal-body-weight': 1,
  'adjusted-body-weight': 1,
  'egfr-ckd-epi-2021': 0,
  'creatinine-clearance-cockcroft-gault': 0,
}

function withUnit(text: string, unit: string, lang: Lang): string {
  const name = formatUnit(unit, lang)
  return name ? `${text}\u202f${name}` : text
}

const words = new Set(['male', 'female', 'other'])

export function formatValue(name: string, value: FactValue, unit: string, lang: Lang, t: T): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return t(value ? 'form.yes' : 'facts.absent')
  if (typeof value === 'number') return withUnit(formatNumber(value, lang, digits[name] ?? 2), unit, lang)
  if (name === 'sex' && words.has(value)) return t(`facts.${value as 'male' | 'female' | 'other'}`)
  return withUnit(value, unit, lang)
}

/** A fact as words: its value, a range, "no", or "unknown". */
export function formatFact(fact: Fact, lang: Lang, t: T): string {
  if (fact.state === 'unknown') {
    if (fact.low !== undefined && fact.high !== undefined) {
      return withUnit(t('facts.range', { low: formatNumber(fact.low, lang), high: formatNumber(fact.high, lang) }), fact.unit, lang)
    }
    return t('facts.unknown')
  }
  const text = formatValue(fact.name, fact.value, fact.unit, lang, t)
  if (fact.state === 'absent') return text === '' ? t('facts.absent') : text
  return text === '' ? t('form.yes') : text
}

export const formatInput = (input: FactInput, lang: Lang, t: T) => formatValue('', input.value, input.unit, lang, t)

/** When the fact was measured: its own date, else the oldest of what it was computed from. */
export function dateOf(fact: Fact): string {
  if (fact.date) return fact.date
  const dates = fact.inputs.map((i) => i.date).filter(Boolean)
  return dates.sort()[0] ?? ''
}

export type Missing = { name: string; display: string; checks: string[] }

/** What the checks lacked, each with the checks it would serve. */
export function missingOf(r: Recommendation): Missing[] {
  const found = new Map<string, Missing>()
  for (const gap of r.notChecked) {
    for (const name of gap.missing) {
      const known = found.get(name) ?? { name, display: r.facts.find((f) => f.name === name)?.display ?? name, checks: [] }
      if (!known.checks.includes(gap.check)) known.checks.push(gap.check)
      found.set(name, known)
    }
  }
  return [...found.values()]
}

// What stands in the line above a recommendation, in this order.
const context = [
  'age',
  'sex',
  'weight',
  'creatinine',
  'creatinine-clearance-cockcroft-gault',
  'egfr-ckd-epi-2021',
  'dialysis',
  'pregnancy',
]

/** Whether an unknown pregnancy deserves a place in the line; it is said under "not checked" in any case. */
function mayBePregnant(facts: Fact[]): boolean {
  const value = (name: string) => facts.find((f) => f.name === name)?.value
  const age = value('age')
  return value('sex') !== 'male' && !(typeof age === 'number' && age > 55)
}

/** The facts a reader wants beside every option; unknown kidney function and allergies stay visible. */
export function contextFacts(facts: Fact[]): Fact[] {
  const first = context
    .map((name) => facts.find((f) => f.name === name))
    .filter((f): f is Fact => f !== undefined)
    .filter((f) => !(f.name === 'dialysis' && f.state !== 'known'))
    .filter((f) => !(f.name === 'pregnancy' && f.state === 'absent'))
    .filter((f) => !(f.name === 'pregnancy' && f.state === 'unknown' && !mayBePregnant(facts)))
  const scores = facts.filter((f) => ['crb-65', 'qsofa', 'sofa'].includes(f.name) && f.state === 'known')
  const allergies = facts.filter((f) => f.name.startsWith('allerg'))
  return [...first, ...scores, ...allergies]
}
