import type { Fact, Recommendation } from '@cdss/shared/api/types.ts'
import { describe, expect, it } from 'vitest'
import { contextFacts, dateOf, formatFact, foundRisks, gapsOf, missingOf } from './facts.ts'

const fact = (patch: Partial<Fact>): Fact => ({
  name: 'x',
  display: 'X',
  state: 'known',
  value: null,
  unit: '',
  formula: '',
  source: '',
  inputs: [],
  ...patch,
})
const t = ((key: string, values?: Record<string, string>) => (values ? `${key}(${Object.values(values).join('|')})` : key)) as Parameters<typeof formatFact>[2]
const read = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

describe('formatFact', () => {
  it.each([
    [fact({ name: 'creatinine', value: 2.1, unit: 'mg/dL' }), '2,1 mg/dL'],
    [fact({ name: 'egfr-ckd-epi-2021', value: 24.6, unit: 'mL/min/{1.73_m2}' }), '25 mL/min/1,73 m²'],
    [fact({ name: 'allergies', value: ['Penicillin', 'Latex'] }), 'Penicillin, Latex'],
    [fact({ name: 'sex', value: 'female' }), 'facts.female'],
    [fact({ name: 'dialysis', value: true }), 'form.yes'],
    [fact({ name: 'dialysis', state: 'absent', value: false }), 'facts.absent'],
    [fact({ name: 'allergies', state: 'absent', value: [] }), 'form.allergyNone'],
    [fact({ name: 'crb-65', state: 'unknown', low: 1, high: 2, unit: '{score}' }), 'facts.range(1|2)'],
    [fact({ state: 'unknown' }), 'facts.unknown'],
  ])('%j', (f, want) => {
    expect(read(formatFact(f, 'de', t))).toBe(want)
  })
})

describe('contextFacts', () => {
  const names = (facts: Fact[]) => contextFacts(facts).map((f) => f.name)

  it('keeps an unknown kidney and unknown allergies in sight', () => {
    const facts = [fact({ name: 'creatinine', state: 'unknown' }), fact({ name: 'allergies', state: 'unknown' }), fact({ name: 'dialysis', state: 'absent' })]
    expect(names(facts)).toEqual(['creatinine', 'allergies'])
  })

  it('asks about a pregnancy only where there could be one', () => {
    const unknown = fact({ name: 'pregnancy', state: 'unknown' })
    expect(names([unknown, fact({ name: 'sex', value: 'female' }), fact({ name: 'age', value: 30 })])).toContain('pregnancy')
    expect(names([unknown, fact({ name: 'sex', value: 'male' })])).not.toContain('pregnancy')
    expect(names([unknown, fact({ name: 'age', value: 72 })])).not.toContain('pregnancy')
  })
})

describe('dateOf', () => {
  it('is the oldest measurement, never the birth date', () => {
    const inputs = [
      { reference: 'Observation/1', display: '', value: 1, unit: '', date: '2026-11-25' },
      { reference: 'Observation/2', display: '', value: 1, unit: '', date: '2026-11-20' },
      { reference: 'Patient/p', display: '', value: 72, unit: 'a', date: '1954-02-20' },
    ]
    expect(dateOf(fact({ inputs }))).toBe('2026-11-20')
  })
})

describe('missingOf and gapsOf', () => {
  const r = {
    facts: [fact({ name: 'weight', display: 'Gewicht', state: 'unknown' })],
    notChecked: [
      { check: 'Nierendosis: Cefotaxim', reason: 'Gewicht fehlt', missing: ['weight'] },
      { check: 'Gewichtsdosis', reason: '', missing: ['weight'] },
    ],
  } as unknown as Recommendation

  it('names each missing value once, with the checks it serves', () => {
    expect(missingOf(r)).toEqual([{ name: 'weight', display: 'Gewicht', checks: ['Nierendosis: Cefotaxim', 'Gewichtsdosis'] }])
  })

  it('puts a gap beside the substance it is about, unless the dose says it already', () => {
    const option = (text: string) =>
      ({ ingredients: [{ name: 'Cefotaxim', adjustments: text ? [{ kind: 'renal', basis: '', text }] : [] }] }) as unknown as Recommendation['options'][number]
    expect(gapsOf(r, option('')).map((g) => g.reason)).toEqual(['Gewicht fehlt'])
    expect(gapsOf(r, option('Gewicht fehlt'))).toEqual([])
  })
})

describe('foundRisks', () => {
  it('names what the data say, not what was ticked, denied or is unknown', () => {
    const facts = [
      fact({ name: 'urinary-catheter', value: true, source: 'Condition/1' }),
      fact({ name: 'mrsa', value: true, source: 'request' }),
      fact({ name: 'vre', state: 'absent', value: false, source: 'Observation/1' }),
      fact({ name: 'device', state: 'unknown' }),
      fact({ name: 'weight', value: 80, source: 'Observation/2' }),
    ]
    expect(foundRisks(facts)).toEqual(['catheter'])
  })
})
