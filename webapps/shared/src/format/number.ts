import type { Lang } from '../api/types.ts'

const locales: Record<Lang, string> = { de: 'de-DE', en: 'en-GB' }

export const localeOf = (lang: Lang) => locales[lang]

/**
 * Formats a clinical number: decimal comma or point, no trailing zero (ISMP
 * list of error-prone abbreviations), a thin space instead of a thousands
 * separator, so that 1.000 can never be read as one.
 */
export function formatNumber(value: number, lang: Lang, maximumFractionDigits = 3): string {
  return new Intl.NumberFormat(locales[lang], { maximumFractionDigits, useGrouping: 'min2' })
    .formatToParts(value)
    .map((part) => (part.type === 'group' ? '\u202f' : part.value))
    .join('')
}

/** A number as typed: parsed, or null when it cannot be read one way only. */
export type Parsed = { value: number | null; valid: boolean }

/**
 * Reads a number with comma or point as decimal mark. Thousands separators are
 * refused rather than guessed: "1.000,5" and "1,000.5" are invalid, and so is
 * any sign, exponent or unit.
 */
export function parseNumber(typed: string): Parsed {
  const text = typed.trim()
  if (text === '') return { value: null, valid: true }
  if (!/^\d{1,6}([.,]\d{1,4})?$/.test(text)) return { value: null, valid: false }
  return { value: Number(text.replace(',', '.')), valid: true }
}
