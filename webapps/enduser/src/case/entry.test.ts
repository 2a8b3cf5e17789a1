import { describe, expect, it } from 'vitest'
import { emptyEntry, entryFaults, entryReducer, faultOf, type Entry } from './entry.ts'

const entry = (patch: Partial<Entry>): Entry => ({ ...emptyEntry, ...patch })

describe('entryReducer', () => {
  it('does not send a pregnancy that is no longer asked', () => {
    const pregnant = entry({ sex: 'female', pregnancy: 'yes' })
    expect(entryReducer(pregnant, { type: 'set', field: 'sex', value: 'male' }).pregnancy).toBe('')
  })

  it('offers a first row when an allergy is known, and drops all rows when none is', () => {
    const known = entryReducer(emptyEntry, { type: 'set', field: 'allergyStatus', value: 'known' })
    expect(known.allergies).toHaveLength(1)
    expect(entryReducer(known, { type: 'set', field: 'allergyStatus', value: 'none' }).allergies).toEqual([])
  })

  it('goes back to "not asked" with the last row, never to "none known"', () => {
    const known = entryReducer(emptyEntry, { type: 'set', field: 'allergyStatus', value: 'known' })
    expect(entryReducer(known, { type: 'removeAllergy', index: 0 }).allergyStatus).toBe('')
  })
})

describe('faultOf', () => {
  it.each([
    ['age', { age: '68' }, null],
    ['age', { age: '68,5' }, 'whole'],
    ['age', { age: '680' }, 'range'],
    ['weight', { weight: '78,5' }, null],
    ['weight', { weight: '7 8' }, 'number'],
    ['height', { height: '1,78' }, 'range'], // metres instead of centimetres
    ['creatinine', { creatinine: '2,1' }, null],
    ['creatinine', { creatinine: '186' }, 'unit'], // µmol/L under mg/dL
    ['creatinine', { creatinine: '186', creatinineUnit: 'umol/L' }, null],
    ['creatinine', { creatinine: '2.1', creatinineUnit: 'umol/L' }, 'unit'],
    ['creatinine', { creatinine: '99999' }, 'range'],
    ['weight', {}, null], // empty is unknown, not wrong
  ] as const)('%s of %j: %s', (field, patch, want) => {
    expect(faultOf(field, entry(patch))).toBe(want)
  })
})

describe('entryFaults', () => {
  it('asks for the indication and for both blood pressures', () => {
    expect(entryFaults(entry({ systolic: '90' }))).toEqual([
      { field: 'indication', fault: 'indication' },
      { field: 'diastolic', fault: 'pair' },
    ])
  })

  it('asks for the culprit of an allergy', () => {
    const faults = entryFaults(entry({ request: { indication: 'sepsis' }, allergyStatus: 'known', allergies: [{ substance: '', reaction: 'rash' }] }))
    expect(faults).toEqual([{ field: 'allergy-0', fault: 'substance' }])
  })
})
