import type { AllergyIntolerance, Bundle, FhirResource, Observation, Patient } from 'fhir/r4'
import { describe, expect, it } from 'vitest'
import { bundleOf, instant, isEntered, measured, onlyPatient, withEntered, withoutAllergies } from './bundle.ts'
import { emptyEntry, type Entry } from './entry.ts'

const now = new Date('2026-11-25T09:30:00+01:00')
const build = (patch: Partial<Entry>) => bundleOf({ ...emptyEntry, ...patch }, now)
const all = (bundle: Bundle) => (bundle.entry ?? []).map((e) => e.resource).filter((r): r is FhirResource => r !== undefined)
const observation = (bundle: Bundle, code: string) =>
  all(bundle).find((r): r is Observation => r.resourceType === 'Observation' && r.code.coding?.[0]?.code === code)

describe('bundleOf', () => {
  it('makes nothing of an empty form but the patient', () => {
    expect(build({})).toEqual({
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patient', id: 'entered-patient' } }],
    })
  })

  it.each(['2026-11-25T09:30:00+01:00', '2024-02-29T12:00:00+01:00', '2026-01-01T00:10:00+01:00', '2026-08-31T12:00:00+02:00'])(
    'sends the age as a birth date that gives it on %s, the day before and the day after',
    (when) => {
      const moment = new Date(when)
      const born = new Date((all(bundleOf({ ...emptyEntry, age: '68' }, moment))[0] as Patient).birthDate ?? '')
      for (const days of [-1, 0, 1]) {
        const there = new Date(moment.getTime() + days * 86_400_000)
        const before = there.getMonth() < born.getMonth() || (there.getMonth() === born.getMonth() && there.getDate() < born.getDate())
        expect(there.getFullYear() - born.getFullYear() - (before ? 1 : 0)).toBe(68)
      }
    },
  )

  it('takes comma and point, and the unit that was chosen', () => {
    expect(observation(build({ creatinine: '2,1' }), '2160-0')?.valueQuantity).toEqual({
      value: 2.1,
      unit: 'mg/dL',
      system: 'http://unitsofmeasure.org',
      code: 'mg/dL',
    })
    const molar = observation(build({ creatinine: '186', creatinineUnit: 'umol/L' }), '14682-9')
    expect(molar?.valueQuantity?.value).toBe(186)
    expect(molar?.valueQuantity?.code).toBe('umol/L')
  })

  it('tells no known allergy from an allergy nobody asked about', () => {
    const allergies = (b: Bundle) => all(b).filter((r): r is AllergyIntolerance => r.resourceType === 'AllergyIntolerance')
    expect(allergies(build({}))).toEqual([])
    expect(allergies(build({ allergyStatus: 'none' }))[0]?.code?.coding?.[0]?.code).toBe('716186003')
    const known = allergies(build({ allergyStatus: 'known', allergies: [{ substance: 'penicillin', reaction: 'anaphylaxis' }] }))[0]
    expect(known?.code?.coding?.map((c) => c.code)).toContain('J01C')
    expect(known?.reaction?.[0]?.manifestation[0]?.coding?.[0]?.code).toBe('39579001')
    expect(known?.criticality).toBe('high')
  })

  it('takes allergies out and nothing else', () => {
    const bundle = build({ creatinine: '2,1', allergyStatus: 'known', allergies: [{ substance: 'penicillin', reaction: 'anaphylaxis' }] })
    expect(all(withoutAllergies(bundle)).map((r) => r.resourceType)).toEqual(['Patient', 'Observation'])
  })

  it('says nothing of a reaction that is not known', () => {
    const known = all(build({ allergyStatus: 'known', allergies: [{ substance: 'penicillin', reaction: 'unknown' }] })).find(
      (r): r is AllergyIntolerance => r.resourceType === 'AllergyIntolerance',
    )
    expect(known?.reaction).toBeUndefined()
    expect(known?.type).toBeUndefined()
  })

  it('keeps unknown pregnancy unknown', () => {
    expect(observation(build({ sex: 'female' }), '82810-3')).toBeUndefined()
    expect(observation(build({ pregnancy: 'no' }), '82810-3')?.valueCodeableConcept?.coding?.[0]?.code).toBe('60001007')
  })

  it('makes every resource one of the same patient', () => {
    const bundle = build({ age: '50', weight: '80', systolic: '90', diastolic: '60', confusion: 'yes', dialysis: 'yes', allergyStatus: 'none' })
    const text = JSON.stringify(all(bundle).slice(1))
    expect(all(bundle).length).toBe(6)
    expect(text.match(/"reference":"Patient\/entered-patient"/g)?.length).toBe(5)
  })
})

describe('withEntered', () => {
  it('adds a value to a Bundle, and replaces it when typed again', () => {
    const bundle: Bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { resourceType: 'Patient', id: 'p' } }] }
    const subject = onlyPatient(bundle)
    expect(subject).toBe('Patient/p')
    const once = withEntered(bundle, [measured('weight', '80', 'kg', 'Patient/p', now)].filter((o) => o !== null))
    const twice = withEntered(once, [measured('weight', '81', 'kg', 'Patient/p', now)].filter((o) => o !== null))
    expect(all(twice)).toHaveLength(2)
    expect(observation(twice, '29463-7')?.valueQuantity?.value).toBe(81)
    expect(isEntered('Observation/entered-weight')).toBe(true)
    expect(isEntered('Observation/w1')).toBe(false)
  })

  it('knows no subject where a Bundle has no single patient', () => {
    expect(onlyPatient({ resourceType: 'Bundle', type: 'collection' })).toBeNull()
  })
})

describe('instant', () => {
  it('carries the offset of the place', () => {
    expect(instant(new Date('2026-11-25T08:30:00Z'))).toBe('2026-11-25T09:30:00+01:00')
    expect(instant(new Date('2026-07-01T08:30:00Z'))).toBe('2026-07-01T10:30:00+02:00')
  })
})
