import type { Amount, Dose, Duration, Frequency, Ingredient, Lang } from '../api/types.ts'
import { formatNumber } from './number.ts'
import { formatUnit } from './unit.ts'

// A narrow no-break space between number and unit.
const gap = '\u202f'
const space = '\u00a0'

const routes: Record<string, Record<Lang, string>> = {
  iv: { de: 'i.v.', en: 'IV' },
  po: { de: 'p.o.', en: 'PO' },
  im: { de: 'i.m.', en: 'IM' },
  inh: { de: 'inhalativ', en: 'inhaled' },
  rectal: { de: 'rektal', en: 'rectal' },
  sc: { de: 's.c.', en: 'SC' },
}

export function formatAmount(amount: Amount, lang: Lang): string {
  const unit = formatUnit(amount.unit, lang)
  return unit ? `${formatNumber(amount.value, lang)}${gap}${unit}` : formatNumber(amount.value, lang)
}

export function formatDose(dose: Dose, lang: Lang): string {
  return formatAmount(dose, lang)
}

/** The parts of a fixed combination: "4 g + 0,5 g"; empty when there are none. */
export function formatParts(dose: Dose, lang: Lang): string {
  return (dose.parts ?? []).map((part) => formatAmount(part, lang)).join(`${space}+${space}`)
}

/**
 * How often: "alle 8 h" where the day divides evenly or the period is given in
 * hours, otherwise "2× täglich" style; a range says both ends. Empty when the
 * server gave no frequency.
 */
export function formatFrequency(frequency: Frequency, lang: Lang): string {
  const { count, countMax, period, periodUnit } = frequency
  if (!(count > 0) || !(period > 0)) return ''
  const times = countMax && countMax > count ? `${formatNumber(count, lang)}–${formatNumber(countMax, lang)}` : formatNumber(count, lang)
  if (periodUnit === 'h' && count === 1 && !countMax) {
    return lang === 'de' ? `alle${space}${formatNumber(period, lang)}${gap}h` : `every${space}${formatNumber(period, lang)}${gap}h`
  }
  if (periodUnit === 'd' && period === 1) {
    if (lang === 'de') return `${times}×${space}täglich`
    if (times === '1') return `once${space}daily`
    if (times === '2') return `twice${space}daily`
    return `${times}×${space}daily`
  }
  const every = `${formatNumber(period, lang)}${gap}${periodWord(periodUnit, period, lang)}`
  return lang === 'de' ? `${times}×${space}in${space}${every}` : `${times}×${space}per${space}${every}`
}

function periodWord(unit: string, value: number, lang: Lang): string {
  const many = value !== 1
  const words: Record<string, Record<Lang, [string, string]>> = {
    h: { de: ['h', 'h'], en: ['h', 'h'] },
    d: { de: ['Tag', 'Tagen'], en: ['day', 'days'] },
    wk: { de: ['Woche', 'Wochen'], en: ['week', 'weeks'] },
  }
  const word = words[unit]?.[lang]
  return word ? word[many ? 1 : 0] : unit
}

/** How long: "5–7 Tage", "für 24 h", "mindestens 6 Wochen" when open at the end. */
export function formatDuration(duration: Duration, lang: Lang): string {
  const { low, high, unit } = duration
  const plural: Record<string, Record<Lang, [string, string]>> = {
    h: { de: ['h', 'h'], en: ['h', 'h'] },
    d: { de: ['Tag', 'Tage'], en: ['day', 'days'] },
    wk: { de: ['Woche', 'Wochen'], en: ['week', 'weeks'] },
  }
  const words = plural[unit]?.[lang] ?? [unit, unit]
  const last = high ?? low
  const word = last === 1 ? words[0] : words[1]
  const gapOrSpace = unit === 'h' ? gap : space
  if (high === null) {
    const least = lang === 'de' ? 'mindestens' : 'at least'
    return `${least.replace(' ', space)}${space}${formatNumber(low, lang)}${gapOrSpace}${word}`
  }
  const range = high === low ? formatNumber(low, lang) : `${formatNumber(low, lang)}–${formatNumber(high, lang)}`
  // A first phase of hours would read like an interval without its preposition.
  const lead = unit === 'h' ? (lang === 'de' ? `für${space}` : `for${space}`) : ''
  return `${lead}${range}${gapOrSpace}${word}`
}

export function formatRoute(route: string, lang: Lang): string {
  return routes[route]?.[lang] ?? route
}

/**
 * The segments of a dose line in reading order. No segment may be broken; where
 * a schedule says what a frequency cannot, it stands in its place.
 */
export function doseSegments(ingredient: Ingredient, lang: Lang): string[] {
  const { dose, frequency, schedule, route, duration } = ingredient
  return [
    dose.value > 0 ? formatDose(dose, lang) : '',
    formatRoute(route, lang),
    schedule || formatFrequency(frequency, lang),
    duration ? formatDuration(duration, lang) : '',
  ].filter((segment) => segment !== '')
}

/** How an ingredient follows the one before: a later phase of the same substance, or one given with it. */
export function joinOf(ingredients: Ingredient[], index: number): 'first' | 'then' | 'plus' {
  const [before, here] = [ingredients[index - 1], ingredients[index]]
  if (!before || !here) return 'first'
  return before.atc === here.atc && before.name === here.name ? 'then' : 'plus'
}
