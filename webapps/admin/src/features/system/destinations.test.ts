import { expect, it } from 'vitest'
import { clientOf, serverOf } from '../../system/registrations.ts'
import { destinationsOf } from './destinations.ts'

const server = serverOf({ name: 'main', url: 'https://fhir.example/r4' })
const client = clientOf({ name: 'ehr', issuer: 'x', algorithm: 'ES384', jwksUrl: 'https://ehr.example/jwks', disabled: true })

it('has nothing where nothing is configured', () => {
  expect(destinationsOf([], [], { mode: 'required', person: null, ways: [{ kind: 'passphrase' }] }, { destinations: [], requests: [] })).toEqual([])
})

it('names every host that something may be sent to', () => {
  const all = destinationsOf(
    [server],
    [client, { ...client, name: 'given', jwks: { keys: [] } }],
    { mode: 'required', person: null, ways: [{ kind: 'oidc', label: 'Klinik' }] },
    { destinations: [{ purpose: 'embeddings', host: 'models.example', model: 'm' }], requests: [] },
  )
  expect(all.map((d) => [d.host, d.purpose, d.name, d.active])).toEqual([
    ['fhir.example', 'fhir-server', 'main', true],
    ['ehr.example', 'client-keys', 'ehr', false],
    ['', 'login', 'Klinik', true],
    ['models.example', 'embeddings', 'm', true],
  ])
})
