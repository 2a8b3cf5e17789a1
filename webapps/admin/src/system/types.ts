import type { Role } from '@cdss/shared/session/types.ts'

// The JSON of /api/system. What is empty or false may be missing.

export type Person = {
  /** Name to log in with. */
  id: string
  display: string
  roles: Role[]
  /** Logs in here, with a passphrase. */
  passphrase: boolean
  /** Has logged in at the identity provider. */
  provider: boolean
  mustChange: boolean
  bootstrap: boolean
  disabled: boolean
  createdAt: string
  lastLogin?: string
}
export type People = { people: Person[] }

export type ClientBody = {
  name: string
  issuer: string
  algorithm: string
  jwksUrl?: string
  jwks?: unknown
  audiences?: string[]
  tenants?: string[]
  noTenant?: boolean
  servers?: string[]
  allow?: string[]
  origins?: string[]
  language?: 'de' | 'en'
  /** Milliseconds. */
  deadline?: number
  blocked?: '412' | 'card'
  suggestions?: string[]
  plainText?: boolean
  maxCards?: number
  version3?: boolean
  shadow?: boolean
  disabled?: boolean
  plainHttp?: boolean
}
export type ClientBodies = { clients: ClientBody[] }

export type ServerBody = {
  name: string
  url: string
  clientId?: string
  auth?: 'none' | 'bearer' | 'basic'
  /** Never told, only set. */
  secret?: string
  hasSecret?: boolean
  allow?: string[]
  disabled?: boolean
  /** Why it cannot be used as registered. */
  problem?: string
  plainHttp?: boolean
}
export type ServerBodies = { servers: ServerBody[] }
