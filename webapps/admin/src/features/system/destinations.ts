import type { Session } from '@cdss/shared/session/types.ts'
import type { CdsClient, FhirServer } from '../../system/registrations.ts'
import type { Outbound } from './types.ts'

export const purposes = ['fhir-server', 'client-keys', 'login', 'chat', 'embeddings'] as const
export type Purpose = (typeof purposes)[number]

export type Destination = {
  /** Empty where only a name is known. */
  host: string
  purpose: Purpose
  /** Of the registration, the provider or the model. */
  name: string
  active: boolean
}

const hostOf = (address: string) => {
  try {
    return new URL(address).host
  } catch {
    return address
  }
}

const isPurpose = (word: string): word is Purpose => (purposes as readonly string[]).includes(word)

/** Every address this server may send something to, from what is registered and configured. */
export function destinationsOf(servers: FhirServer[], clients: CdsClient[], session: Session | undefined, outbound: Outbound): Destination[] {
  return [
    ...servers.map((s): Destination => ({ host: hostOf(s.url), purpose: 'fhir-server', name: s.name, active: !s.disabled })),
    ...clients
      // Keys that were given out of band are not fetched.
      .filter((c) => c.jwksUrl !== '' && !c.jwks)
      .map((c): Destination => ({ host: hostOf(c.jwksUrl), purpose: 'client-keys', name: c.name, active: !c.disabled })),
    ...(session?.ways ?? [])
      .filter((way) => way.kind === 'oidc')
      .map((way): Destination => ({ host: '', purpose: 'login', name: way.label ?? '', active: true })),
    ...outbound.destinations.map((d): Destination => ({ host: d.host, purpose: isPurpose(d.purpose) ? d.purpose : 'chat', name: d.model, active: true })),
  ]
}
