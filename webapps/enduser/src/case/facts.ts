import type { Fact, FactInput, FactValue, Lang, NotChecked, Option, Recommendation } from '@cdss/shared/api/types.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { formatUnit } from '@cdss/shared/format/unit.ts'
import type { Translate } from '@cdss/shared/i18n/i18n.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import type { TextKey } from '../text.ts'
import type { de } from '../texts/de.ts'
import { riskFactors, sites } from './vocabulary.ts'

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

// Codes that stand as values; any other text is shown as it came.
const coded: Record<string, Record<string, TextKey>> = {
  sex: { male: 'facts.male', female: 'facts.female', other: 'facts.other' },
  severity: { mild: 'request.mild', moderate: 'request.moderate', severe: 'request.severe', septic: 'request.septic' },
  'encounter-class': { IMP: 'facts.inpatient', ACUTE: 'facts.inpatient', AMB: 'facts.outpatient', EMER: 'facts.emergency' },
}

function formatWord(name: string, value: string, lang: Lang, t: T): string {
  const key = coded[name]?.[value] ?? (name === 'site' && isSite(value) ? (`request.sites.${value}` as const) : undefined)
  if (key) return t(key)
  return /^\d{4}-\d{2}-\d{2}/.test(value) ? formatDate(value, lang) : value
}

const isSite = (value: string): value is (typeof sites)[number] => (sites as readonly string[]).includes(value)

export function formatValue(name: string, value: FactValue, unit: string, lang: Lang, t: T): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return t(value ? 'form.yes' : 'facts.absent')
  if (typeof value === 'number') return withUnit(formatNumber(value, lang, digits[name] ?? 2), unit, lang)
  if (Array.isArray(value)) return value.map((v) => formatWord(name, v, lang, t)).join(', ')
  return withUnit(formatWord(name, value, lang, t), unit, lang)
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
  if (fact.state === 'absent') {
    if (fact.name === 'allergies') return t('form.allergyNone')
    return text === '' ? t('facts.absent') : text
  }
  return text === '' ? t('form.yes') : text
}

/** A value that a fact was computed from; text is named, since a code without its name says nothing. */
export function formatInput(input: FactInput, lang: Lang, t: T): string {
  if (input.value === 'male' || input.value === 'female') return t(`facts.${input.value}`)
  // A value that came as text carries its unit in it.
  return formatValue('', input.value, typeof input.value === 'string' ? '' : input.unit, lang, t)
}

/** When the fact was measured: its own date, else the oldest of what it was computed from. */
export function dateOf(fact: Fact): string {
  if (fact.date) return fact.date
  // The birth date behind an age says nothing about how fresh the fact is.
  const dates = fact.inputs.filter((i) => !i.reference.startsWith('Patient/')).map((i) => i.date).filter(Boolean)
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
  const whole = facts.filter((f) => f.name === 'allergies')
  const allergies = whole.length > 0 ? whole : facts.filter((f) => f.name.startsWith('allergy-') && f.state !== 'absent')
  return [...first, ...scores, ...allergies]
}

/** Checks that could not be made for a substance of the option and that its own lines do not say. */
export function gapsOf(r: Recommendation, option: Option): NotChecked[] {
  const said = option.ingredients.flatMap((i) => i.adjustments.map((a) => a.text))
  return r.notChecked.filter((gap) => option.ingredients.some((i) => gap.check.endsWith(`: ${i.name}`)) && !said.includes(gap.reason))
}

// Where a risk factor's fact has another name.
const riskFacts: Record<string, string> = { pseudomonas: 'pseudomonas-risk', catheter: 'urinary-catheter' }

/** The risk factors that the patient's data say themselves, whatever was ticked. */
export function foundRisks(facts: Fact[]): string[] {
  return riskFactors.filter((name) => {
    const fact = facts.find((fact) => fact.name === (riskFacts[name] ?? name))
    return fact?.state === 'known' && fact.value === true && fact.source !== 'request'
  })
}
