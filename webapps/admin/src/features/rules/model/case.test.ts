import type { Bundle, Parameters } from 'fhir/r4'
import { expect, it } from 'vitest'
import { caseOf, expectedOf, withExpected } from './case.ts'

const patient: Bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { resourceType: 'Patient', id: 'p' } }] }

it('expects an option by its substances, there and back', () => {
  const expected = [{ want: 'offers' as const, value: 'J01CR01+J01FA09', indicator: 'info' as const }]
  const made = caseOf({ id: 'x', title: 'X', why: '', artifact: 'https://e.example/PlanDefinition/x', bundle: patient, request: null, expected })
  expect(expectedOf(made)).toEqual(expected)
})

it('leaves an expected option with doses as it is', () => {
  const dosed = { name: 'offers', part: [{ name: 'substance', part: [{ name: 'atc', valueCode: 'J01DD04' }, { name: 'dose', valueString: '2 g' }] }] }
  const about: Parameters = { resourceType: 'Parameters', id: 'case', parameter: [dosed] }
  const bundle: Bundle = { ...patient, entry: [{ resource: about }] }
  expect(expectedOf(bundle)).toEqual([])
  const changed = withExpected(bundle, [{ want: 'silent', value: '', indicator: 'info' }])
  expect(changed.entry?.[0]?.resource).toMatchObject({ parameter: [dosed, { name: 'silent', valueBoolean: true }] })
})
