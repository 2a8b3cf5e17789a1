import { describe, expect, it } from 'vitest'
import { errorFrom, faultOf } from './error.ts'

describe('errorFrom', () => {
  it('reads a problem with the places it names', () => {
    const error = errorFrom(422, { title: 'Unprocessable', detail: 'the bundle cannot be used', errors: [{ code: 'value', location: ['bundle'], detail: 'two patients' }, { code: 'value', detail: 'no entry' }] }, 'r1')
    expect(error.fault).toBe('input')
    expect(error.title).toBe('the bundle cannot be used')
    expect(error.details).toEqual([
      { where: 'bundle', what: 'two patients' },
      { where: '', what: 'no entry' },
    ])
    expect(error.requestId).toBe('r1')
  })

  it('reads an OperationOutcome', () => {
    const outcome = {
      resourceType: 'OperationOutcome',
      issue: [
        { severity: 'error', code: 'value', diagnostics: 'unknown unit', expression: ['Observation.value'] },
        { severity: 'error', code: 'structure', details: { text: 'no entry' } },
      ],
    }
    const error = errorFrom(400, outcome, '')
    expect(error.title).toBe('unknown unit')
    expect(error.details).toEqual([
      { where: 'Observation.value', what: 'unknown unit' },
      { where: '', what: 'no entry' },
    ])
  })

  it('tells a FHIR server that fails from this one being busy', () => {
    const body = { detail: 'search patients: overloaded', detailDe: 'Patienten suchen: überlastet', reason: 'record-throttled' }
    const error = errorFrom(503, body, '')
    expect([error.fault, error.german, error.reason]).toEqual(['record', 'Patienten suchen: überlastet', 'record-throttled'])
    expect(errorFrom(503, { ...body, reason: undefined }, '').fault).toBe('busy')
  })

  it.each([undefined, null, '<html>502</html>', 7, []])('shows nothing of a foreign body %j', (body) => {
    const error = errorFrom(502, body, '')
    expect(error.title).toBe('')
    expect(error.details).toEqual([])
    expect(error.fault).toBe('server')
  })
})

describe('faultOf', () => {
  it.each([
    [401, 'login'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [413, 'too-large'],
    [429, 'busy'],
    [503, 'busy'],
    [415, 'input'],
    [500, 'server'],
  ])('%d is %s', (status, fault) => {
    expect(faultOf(status)).toBe(fault)
  })
})
