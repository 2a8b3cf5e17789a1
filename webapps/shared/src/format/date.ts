import type { Lang } from '../api/types.ts'
import { localeOf } from './number.ts'

/** A FHIR date or dateTime as people read it, at the precision it has. */
export function formatDate(text: string, lang: Lang): string {
  const locale = localeOf(lang)
  if (/^\d{4}$/.test(text)) return text
  const partial = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/.exec(text)
  if (partial) {
    const [, year, month, day] = partial
    // Noon UTC keeps the day in every zone between -12 and +11 hours.
    const date = new Date(`${year}-${month}-${day ?? '01'}T12:00:00Z`)
    if (Number.isNaN(date.getTime())) return text
    return new Intl.DateTimeFormat(locale, {
      year: 'numeric',
      month: '2-digit',
      ...(day ? { day: '2-digit' } : {}),
      timeZone: 'UTC',
    }).format(date)
  }
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) return text
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).format(date)
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365.25 * 24 * 3600],
  ['month', 30.44 * 24 * 3600],
  ['day', 24 * 3600],
  ['hour', 3600],
  ['minute', 60],
]

/** How old a value is: "vor 3 Tagen". Empty when the date cannot be read. */
export function formatAge(text: string, now: Date, lang: Lang): string {
  // A date without a time counts from its noon: no more is known.
  const date = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T12:00:00` : text)
  if (Number.isNaN(date.getTime()) || /^\d{4}(-\d{2})?$/.test(text)) return ''
  const seconds = (date.getTime() - now.getTime()) / 1000
  const format = new Intl.RelativeTimeFormat(localeOf(lang), { numeric: 'auto' })
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const days = Math.round((startOfDay(date) - startOfDay(now)) / 86_400_000)
    if (Math.abs(days) < 31) return format.format(days, 'day')
  }
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit)
  }
  return format.format(0, 'minute')
}

function startOfDay(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
}
