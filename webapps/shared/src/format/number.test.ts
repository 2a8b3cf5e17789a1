import { describe, expect, it } from 'vitest'
import { formatNumber, parseNumber } from './number.ts'

describe('formatNumber', () => {
  it.each([
    [0.5, 'de', '0,5'],
    [0.5, 'en', '0.5'],
    [2, 'de', '2'], // no trailing zero
    [4.5, 'en', '4.5'],
    [1000, 'de', '1000'],
    [12500, 'de', '12\u202f500'], // never a point that could be read as a decimal
    [12500, 'en', '12\u202f500'],
  ] as const)('%d in %s is %s', (value, lang, want) => {
    expect(formatNumber(value, lang)).toBe(want)
  })
})

describe('parseNumber', () => {
  it.each([
    ['2,1', 2.1],
    ['2.1', 2.1],
    [' 78,5 ', 78.5],
    ['186', 186],
    ['0,85', 0.85],
  ])('reads %j as %d', (typed, want) => {
    expect(parseNumber(typed)).toEqual({ value: want, valid: true })
  })

  it('takes an empty field as nothing stated', () => {
    expect(parseNumber('  ')).toEqual({ value: null, valid: true })
  })

  it.each(['1.000,5', '1,000.5', '1 000', '-3', '2,1 mg', '1e3', '.5', '5,', 'abc', '1,2,3'])('refuses %j instead of guessing', (typed) => {
    expect(parseNumber(typed)).toEqual({ value: null, valid: false })
  })
})
