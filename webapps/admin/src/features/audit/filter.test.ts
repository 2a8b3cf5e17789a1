import { describe, expect, it } from 'vitest'
import { backwards, filterOf, nothingAsked } from './filter.ts'

describe('filterOf', () => {
  it('leaves out what was not asked', () => {
    expect(filterOf(nothingAsked)).toEqual({})
    expect(filterOf({ ...nothingAsked, patient: ' Patient/p-1 ', person: 'clara' })).toEqual({ patient: 'p-1', person: 'clara' })
  })

  it('means whole days of the reader, the last one included, also when the clock changes', () => {
    // Berlin: winter time ends on 29 March 2026.
    expect(filterOf({ ...nothingAsked, from: '2026-03-28', to: '2026-03-29' })).toEqual({
      from: '2026-03-27T23:00:00.000Z',
      to: '2026-03-29T22:00:00.000Z',
    })
  })
})

it('knows days that are the wrong way round', () => {
  expect(backwards({ ...nothingAsked, from: '2026-03-02', to: '2026-03-01' })).toBe(true)
  expect(backwards({ ...nothingAsked, from: '2026-03-02', to: '2026-03-02' })).toBe(false)
  expect(backwards({ ...nothingAsked, from: '2026-03-02' })).toBe(false)
})
