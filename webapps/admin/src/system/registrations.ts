import type { ClientBody, ServerBody } from './types.ts'

// Registrations as forms hold them: with all that they have.

export type CdsClient = Required<Omit<ClientBody, 'jwks' | 'language' | 'plainText' | 'plainHttp'>> & {
  jwks: unknown
  language: '' | 'de' | 'en'
  markdown: boolean
}

export type FhirServer = Required<Omit<ServerBody, 'secret' | 'plainHttp'>>

export function clientOf(b: ClientBody): CdsClient {
  const { plainText, ...rest } = b
  return {
    jwksUrl: '',
    audiences: [],
    tenants: [],
    noTenant: false,
    servers: [],
    allow: [],
    origins: [],
    deadline: 450,
    blocked: '412',
    // Empty means none; what carries out all says so.
    suggestions: [],
    maxCards: 0,
    version3: false,
    shadow: false,
    disabled: false,
    ...rest,
    jwks: b.jwks,
    language: b.language ?? '',
    markdown: !plainText,
  }
}

export function bodyOf(c: CdsClient): ClientBody {
  const { markdown, language, ...rest } = c
  return {
    ...rest,
    name: c.name.trim(),
    issuer: c.issuer.trim(),
    jwksUrl: c.jwksUrl.trim() || undefined,
    language: language === '' ? undefined : language,
    plainText: !markdown,
  }
}

export const newClient = clientOf({ name: '', issuer: '', algorithm: 'ES384', suggestions: ['create', 'update', 'delete'] })

export const serverOf = (b: ServerBody): FhirServer => ({
  clientId: '',
  auth: 'none',
  hasSecret: false,
  allow: [],
  disabled: false,
  problem: '',
  ...b,
})

/** What is sent of a server: a secret that is left empty stays what it was. */
export function serverBody(s: FhirServer, secret: string): ServerBody {
  const { name, url, clientId, auth, allow, disabled } = s
  return { name: name.trim(), url: url.trim(), clientId: clientId.trim(), auth, allow, disabled, secret: secret === '' ? undefined : secret }
}

export const newServer = serverOf({ name: '', url: '' })
