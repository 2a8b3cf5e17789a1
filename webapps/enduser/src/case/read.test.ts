import { describe, expect, it } from 'vitest'
import { bundleLimit, readBundle } from './read.ts'

const bundle = (...types: string[]) =>
  JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: types.map((resourceType, i) => ({ resource: { resourceType, id: `${i}` } })) })

describe('readBundle', () => {
  it('counts what is in it', () => {
    const reading = readBundle(bundle('Patient', 'Observation', 'Observation'))
    expect('counts' in reading && reading.counts).toEqual([
      ['Observation', 2],
      ['Patient', 1],
    ])
  })

  it.each([
    ['', { kind: 'empty' }],
    ['{"resourceType":"Patient"}', { kind: 'not-bundle', found: 'Patient' }],
    ['[1]', { kind: 'not-bundle', found: '' }],
    ['null', { kind: 'not-bundle', found: '' }],
    ['{"resourceType":"Bundle"}', { kind: 'no-entries' }],
    [bundle('Observation'), { kind: 'no-patient' }],
    [bundle('Patient', 'Patient'), { kind: 'several-patients', count: 2 }],
  ])('says what is wrong with %s', (text, fault) => {
    expect(readBundle(text)).toEqual({ fault })
  })

  it('names the line of a syntax error where the engine does', () => {
    const reading = readBundle('{\n  "resourceType": "Bundle",\n  oops\n}')
    expect('fault' in reading && reading.fault.kind).toBe('not-json')
    expect('fault' in reading && reading.fault.kind === 'not-json' && reading.fault.line).toBe(3)
  })

  it('refuses what is too large before reading it', () => {
    const reading = readBundle('x'.repeat(bundleLimit + 1))
    expect('fault' in reading && reading.fault.kind).toBe('too-large')
  })
})
