import { describe, expect, it } from 'vitest'
import { bodyOf, clientOf, newClient, serverBody, serverOf } from './registrations.ts'

describe('a CDS client', () => {
  it('is sent as it was read, whatever the server left out', () => {
    const read = { name: 'ehr', issuer: 'https://ehr.example', algorithm: 'ES384', jwksUrl: 'https://ehr.example/jwks', deadline: 300, blocked: 'card' as const, plainText: true }
    expect(bodyOf(clientOf(read))).toMatchObject({ ...read, suggestions: [], language: undefined })
  })

  it('keeps carrying out nothing apart from carrying out all', () => {
    expect(bodyOf(clientOf({ name: 'a', issuer: 'b', algorithm: 'ES384' })).suggestions).toEqual([])
    expect(bodyOf(newClient).suggestions).toEqual(['create', 'update', 'delete'])
    expect(bodyOf(newClient).plainText).toBe(false)
  })
})

describe('a FHIR server', () => {
  it('keeps its secret when none is entered, and never sends what only the server says', () => {
    const s = serverOf({ name: 'main', url: 'https://fhir.example', auth: 'bearer', hasSecret: true, problem: 'x' })
    expect(JSON.parse(JSON.stringify(serverBody(s, '')))).toEqual({ name: 'main', url: 'https://fhir.example', clientId: '', auth: 'bearer', allow: [], disabled: false })
    expect(serverBody(s, 'token').secret).toBe('token')
  })
})
