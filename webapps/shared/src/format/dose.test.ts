import { describe, expect, it } from 'vitest'
import type { Ingredient } from '../api/types.ts'
import { doseSegments, formatDuration, formatFrequency, formatParts, joinOf } from './dose.ts'

const base: Ingredient = {
  atc: '',
  name: '',
  dose: { value: 4.5, unit: 'g', parts: [{ value: 4, unit: 'g' }, { value: 0.5, unit: 'g' }] },
  frequency: { count: 3, period: 1, periodUnit: 'd' },
  schedule: null,
  route: 'iv',
  duration: { low: 7, high: 10, unit: 'd' },
  infusion: null,
  loadingDose: null,
  adjustments: [],
  text: '',
}

/** Every kind of space as a plain one, to compare what is read. */
const read = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

describe('doseSegments', () => {
  it('says dose, route, interval and duration in German', () => {
    expect(doseSegments(base, 'de').map(read)).toEqual(['4,5 g', 'i.v.', '3× täglich', '7–10 Tage'])
  })

  it('says the same in English', () => {
    expect(doseSegments(base, 'en').map(read)).toEqual(['4.5 g', 'IV', '3× daily', '7–10 days'])
  })

  it('holds no space at which a line could break', () => {
    for (const lang of ['de', 'en'] as const) expect(doseSegments(base, lang).join('')).not.toMatch(/ /)
  })

  it('lets a schedule stand in the place of the frequency', () => {
    expect(doseSegments({ ...base, schedule: 'Tag 1 und Tag 8' }, 'de').map(read)).toEqual(['4,5 g', 'i.v.', 'Tag 1 und Tag 8', '7–10 Tage'])
  })

  it('leaves out what is not known, and invents no duration', () => {
    expect(doseSegments({ ...base, duration: null, frequency: { count: 0, period: 0, periodUnit: '' } }, 'de').map(read)).toEqual(['4,5 g', 'i.v.'])
  })

  it('writes micrograms out and marks a daily total', () => {
    expect(read(doseSegments({ ...base, dose: { value: 100, unit: 'ug', parts: null } }, 'de')[0] ?? '')).toBe('100 Mikrogramm')
    expect(read(doseSegments({ ...base, dose: { value: 5, unit: 'mg/kg/d', parts: null } }, 'en')[0] ?? '')).toBe('5 mg/kg per day')
  })
})

describe('formatFrequency', () => {
  it.each([
    [{ count: 1, period: 8, periodUnit: 'h' }, 'alle 8 h', 'every 8 h'],
    [{ count: 1, period: 1, periodUnit: 'd' }, '1× täglich', 'once daily'],
    [{ count: 2, period: 1, periodUnit: 'd' }, '2× täglich', 'twice daily'],
    [{ count: 1, countMax: 2, period: 1, periodUnit: 'd' }, '1–2× täglich', '1–2× daily'],
    [{ count: 1, period: 2, periodUnit: 'd' }, '1× in 2 Tagen', '1× per 2 days'],
    [{ count: 1, period: 1, periodUnit: 'wk' }, '1× in 1 Woche', '1× per 1 week'],
  ])('%j', (frequency, de, en) => {
    expect(read(formatFrequency(frequency, 'de'))).toBe(de)
    expect(read(formatFrequency(frequency, 'en'))).toBe(en)
  })
})

describe('formatDuration', () => {
  it.each([
    [{ low: 5, high: 7, unit: 'd' }, '5–7 Tage', '5–7 days'],
    [{ low: 1, high: 1, unit: 'd' }, '1 Tag', '1 day'],
    [{ low: 6, high: null, unit: 'wk' }, 'mindestens 6 Wochen', 'at least 6 weeks'],
    [{ low: 48, high: 48, unit: 'h' }, 'für 48 h', 'for 48 h'],
  ])('%j', (duration, de, en) => {
    expect(read(formatDuration(duration, 'de'))).toBe(de)
    expect(read(formatDuration(duration, 'en'))).toBe(en)
  })
})

describe('formatParts', () => {
  it('lists the parts of a fixed combination', () => {
    expect(read(formatParts(base.dose, 'de'))).toBe('4 g + 0,5 g')
    expect(formatParts({ value: 1, unit: 'g', parts: null }, 'de')).toBe('')
  })
})

describe('joinOf', () => {
  it('tells a later phase from a second substance', () => {
    const a = { ...base, atc: 'J01DD01', name: 'Cefotaxim' }
    const b = { ...base, atc: 'J01XA01', name: 'Vancomycin' }
    expect([0, 1, 2].map((i) => joinOf([a, a, b], i))).toEqual(['first', 'then', 'plus'])
  })
})
