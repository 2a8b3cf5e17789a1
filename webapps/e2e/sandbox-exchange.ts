// How the reference sandbox of CDS Hooks talks: to a FHIR server it calls by the
// media type of DSTU2, and to CDS services with a token of its own.

export type Coding = { system?: string; code?: string; display?: string }
export type Concept = { text?: string; coding?: Coding[] }
export type Resource = { resourceType: string; id?: string; [member: string]: unknown }
export type Action = { type?: string; description?: string; resource?: Resource; resourceId?: string }
export type Suggestion = { label?: string; uuid?: string; actions?: Action[] }
export type Card = {
  uuid?: string
  summary: string
  detail?: string
  indicator: 'info' | 'warning' | 'critical'
  source?: { label?: string; url?: string }
  suggestions?: Suggestion[]
  links?: { label: string; url: string; type: string }[]
  overrideReasons?: Coding[]
}
export type Service = { id: string; hook: string; title?: string; description?: string; prefetch?: Record<string, string> }
export type Feedback = {
  card: string
  outcome: 'accepted' | 'overridden'
  acceptedSuggestions?: { id: string }[]
  overrideReason?: { reason: Coding }
  outcomeTimestamp: string
}

const fhirJSON = { Accept: 'application/json+fhir' }

/** Reads from the FHIR server, undefined when it does not answer with a resource. */
export async function read(address: string): Promise<Resource | undefined> {
  const response = await fetch(address, { headers: fhirJSON })
  return response.ok ? ((await response.json()) as Resource) : undefined
}

/** Searches by a form first, and by address when that is refused. */
async function search(fhirServer: string, type: string, query: string): Promise<Resource | undefined> {
  const posted = await fetch(`${fhirServer}/${type}/_search`, {
    method: 'POST',
    headers: { ...fhirJSON, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: query,
  })
  return posted.ok ? ((await posted.json()) as Resource) : read(`${fhirServer}/${type}?${query}`)
}

/**
 * Fills a template. Of all tokens it knows the patient and the user; any other is
 * left as it is, encoded, and really asked for. FHIRPath and references to earlier
 * keys make it skip the template.
 */
function fill(template: string, patientId: string, userId: string): string | undefined {
  const filled = template.replace(/{{\s*context\.patientId\s*}}/g, patientId).replace(/{{\s*context\.userId\s*}}/g, userId)
  if (/{{[^}]*[%(|][^}]*}}/.test(filled)) return undefined
  const [path = '', query] = filled.split('?')
  if (query === undefined) return path
  const parameters = query.split('&').map((pair) => {
    const [name = '', value = ''] = pair.split('=')
    return `${name}=${encodeURIComponent(decodeURIComponent(value))}`
  })
  return `${path}?${parameters.join('&')}`
}

/** Fetches what a service wants to know beforehand. What fails is left out. */
async function prefetch(fhirServer: string, templates: Record<string, string>, patientId: string, userId: string) {
  const values: Record<string, Resource> = {}
  await Promise.all(
    Object.entries(templates).map(async ([key, template]) => {
      const filled = fill(template, patientId, userId)
      if (filled === undefined) return
      const [path = '', query] = filled.split('?')
      const value = query === undefined ? await read(`${fhirServer}/${path}`) : await search(fhirServer, path, query)
      if (value) values[key] = value
    }),
  )
  return values
}

const encoded = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
const part = (value: object) => encoded(new TextEncoder().encode(JSON.stringify(value)))
const keys = crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign', 'verify'])

/** Signs a token for one address, which nobody need know the key of. */
async function token(audience: string): Promise<string> {
  const now = Math.round(Date.now() / 1000)
  const header = { alg: 'ES384', typ: 'JWT', kid: 'client-1', jku: `${location.origin}/.well-known/jwks.json` }
  const payload = { iss: location.origin, sub: 'client', aud: audience, exp: now + 300, iat: now, jti: crypto.randomUUID() }
  const text = `${part(header)}.${part(payload)}`
  const { privateKey } = await keys
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, privateKey, new TextEncoder().encode(text))
  return `${text}.${encoded(new Uint8Array(signature))}`
}

async function authorised(address: string, body?: object): Promise<Response> {
  const headers = { Accept: 'application/json', Authorization: `Bearer ${await token(address)}` }
  if (!body) return fetch(address, { headers })
  return fetch(address, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
}

/** Gives the services of an address by their own address: the last of an id wins. */
export async function discover(address: string): Promise<Map<string, Service>> {
  const response = await authorised(address)
  const { services } = (await response.json()) as { services: Service[] }
  return new Map(services.map((service) => [`${address}/${service.id}`, service]))
}

export type Call = { fhirServer: string; patientId: string; userId: string; context: object }

/** Calls a service. Whatever is not a 2xx is "no response" to a person. */
export async function call(address: string, service: Service, { fhirServer, patientId, userId, context }: Call): Promise<Card[] | undefined> {
  const values = await prefetch(fhirServer, service.prefetch ?? {}, patientId, userId)
  const response = await authorised(address, {
    hookInstance: crypto.randomUUID(),
    hook: service.hook,
    fhirServer,
    context: { patientId, userId, ...context },
    ...(Object.keys(values).length > 0 ? { prefetch: values } : {}),
  })
  if (!response.ok) return undefined
  return ((await response.json()) as { cards: Card[] }).cards
}

export async function sendFeedback(address: string, feedback: Feedback): Promise<boolean> {
  return (await authorised(`${address}/feedback`, { feedback: [feedback] })).ok
}
