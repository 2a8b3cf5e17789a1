import { describe, expect, it } from 'vitest'
import { formatAge, formatDate } from './date.ts'

const now = new Date('2026-11-25T09:30:00+01:00')

describe('formatDate', () => {
  it.each([
    ['2026', 'de', '2026'],
    ['2019-03', 'de', '03/2019'],
    ['2026-11-20', 'de', '20.11.2026'],
    ['2026-11-20', 'en', '20/11/2026'],
    ['2026-11-25T08:15:00+01:00', 'de', '25.11.2026, 08:15'],
    ['no date', 'de', 'no date'],
  ] as const)('%s in %s is %s', (text, lang, want) => {
    expect(formatDate(text, lang)).toBe(want)
  })
})

describe('formatAge', () => {
  it.each([
    ['2026-11-25', 'de', 'heute'],
    ['2026-11-24', 'en', 'yesterday'],
    ['2026-11-20', 'de', 'vor 5 Tagen'],
    ['2026-11-25T06:30:00+01:00', 'de', 'vor 3 Stunden'],
    ['2025-11-01', 'en', 'last year'],
    ['2019-03', 'de', ''], // too coarse to count
    ['soon', 'de', ''],
  ] as const)('%s in %s is %s', (text, lang, want) => {
    expect(formatAge(text, now, lang)).toBe(want)
  })
})
