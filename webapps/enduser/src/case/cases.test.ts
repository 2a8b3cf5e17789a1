import type { Recommendation } from '@cdss/shared/api/types.ts'
import type { Bundle, Observation } from 'fhir/r4'
import { describe, expect, it } from 'vitest'
import { askOf, caseReducer, emptyState, requestToSend, type State } from './cases.ts'

const weight = (value: number): Observation => ({
  resourceType: 'Observation',
  id: 'entered-weight',
  status: 'final',
  code: {},
  valueQuantity: { value },
})

function opened(): State {
  return caseReducer(emptyState, {
    type: 'open',
    id: 'a',
    origin: 'bundle',
    bundle: { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { resourceType: 'Patient', id: 'p' } }] },
    request: { indication: 'sepsis' },
  })
}

describe('caseReducer', () => {
  it('counts a change, so that no old answer is shown for new input', () => {
    let state = opened()
    expect(state.cases.a?.revision).toBe(0)
    state = caseReducer(state, { type: 'enter', id: 'a', resources: [weight(80)] })
    state = caseReducer(state, { type: 'request', id: 'a', patch: { severity: 'severe' } })
    expect(state.cases.a?.revision).toBe(2)
    expect(state.cases.a?.request).toEqual({ indication: 'sepsis', severity: 'severe' })
  })

  it('leaves the received Bundle alone and sends the typed value with it', () => {
    const state = caseReducer(opened(), { type: 'enter', id: 'a', resources: [weight(80)] })
    const c = state.cases.a
    if (!c) throw new Error('case is gone')
    expect(c.bundle?.entry).toHaveLength(1)
    expect((askOf(c, 'de').bundle as Bundle).entry).toHaveLength(2)
  })

  it('has the server read the patient, and adds only what was typed', () => {
    let state = caseReducer(emptyState, { type: 'open', id: 'a', origin: 'patients', remote: { server: 'kis', patient: 'Patient/7' }, request: {} })
    const before = state.cases.a
    if (!before) throw new Error('case is gone')
    expect(askOf(before, 'de')).toEqual({ server: 'kis', patient: 'Patient/7', language: 'de' })
    state = caseReducer(state, { type: 'enter', id: 'a', resources: [weight(80)] })
    const c = state.cases.a
    if (!c) throw new Error('case is gone')
    expect((askOf(c, 'de').bundle as Bundle).entry?.map((e) => e.resource?.resourceType)).toEqual(['Observation'])
  })

  it('shows a saved answer as it was until something is asked anew', () => {
    const saved = { id: 's', title: 't', recommendation: {} as Recommendation }
    const state = caseReducer(emptyState, { type: 'open', id: 'a', origin: 'saved', saved, request: {} })
    expect(state.cases.a?.frozen).toBe(true)
    expect(caseReducer(state, { type: 'thaw', id: 'a' }).cases.a).toMatchObject({ frozen: false, revision: 1, saved })
  })

  it('ignores a case that is not there', () => {
    const state = opened()
    expect(caseReducer(state, { type: 'request', id: 'b', patch: {} })).toBe(state)
  })
})

describe('requestToSend', () => {
  it('leaves out what was not stated', () => {
    expect(requestToSend({ indication: 'sepsis', severity: '', riskFactors: [], maxOptions: 3 })).toEqual({ indication: 'sepsis', maxOptions: 3 })
    expect(requestToSend({ severity: '', riskFactors: [] })).toBeUndefined()
  })
})
