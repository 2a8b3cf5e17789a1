import type { OperationOutcome } from 'fhir/r4'

/** What went wrong in a call, whichever door answered. */
export type Fault =
  | 'offline' // no answer at all
  | 'cancelled'
  | 'login'
  | 'forbidden'
  | 'not-found'
  | 'too-large'
  | 'busy'
  | 'record' // a FHIR server behind ours does not give what was asked for
  | 'input' // the server names what it could not take
  | 'server'

export type FaultDetail = { where: string; what: string }

/** ApiError is the one error type of both apps. */
export class ApiError extends Error {
  readonly fault: Fault
  readonly status: number
  /** The server's own words, in its language; empty when it said nothing. */
  readonly title: string
  readonly details: FaultDetail[]
  /** Names the call in the server's log. */
  readonly requestId: string
  /** The title in German, where the server has one. */
  readonly german: string
  /** A closer reason, where the server has one: "record-timed-out". */
  readonly reason: string

  constructor(fault: Fault, status: number, title: string, details: FaultDetail[], requestId: string, german = '', reason = '') {
    super(title || fault)
    this.name = 'ApiError'
    this.fault = fault
    this.status = status
    this.title = title
    this.details = details
    this.requestId = requestId
    this.german = german
    this.reason = reason
  }
}

export function faultOf(status: number): Fault {
  if (status === 401) return 'login'
  if (status === 403) return 'forbidden'
  if (status === 404 || status === 410) return 'not-found'
  if (status === 413) return 'too-large'
  if (status === 408 || status === 429 || status === 503) return 'busy'
  if (status >= 400 && status < 500) return 'input'
  return 'server'
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null
const words = (v: unknown) => (typeof v === 'string' ? v : '')
const first = (v: unknown) => words(Array.isArray(v) ? v[0] : v)

/**
 * Reads a problem (RFC 9457, with the server's `errors`, each with where and what) or an OperationOutcome. A
 * body that is neither gives an error that says only the status: markup of a
 * proxy in between is nothing to show.
 */
export function errorFrom(status: number, body: unknown, requestId: string): ApiError {
  const fault = faultOf(status)
  if (!isRecord(body)) return new ApiError(fault, status, '', [], requestId)
  if (body.resourceType === 'OperationOutcome') {
    const issues = (body as unknown as OperationOutcome).issue ?? []
    const details = issues.map((issue) => ({
      where: issue.expression?.[0] ?? '',
      what: issue.details?.text ?? issue.diagnostics ?? issue.code,
    }))
    return new ApiError(fault, status, details[0]?.what ?? '', details.length > 1 ? details : details.filter((d) => d.where), requestId)
  }
  const details: FaultDetail[] = []
  if (Array.isArray(body.errors)) {
    for (const entry of body.errors) {
      if (isRecord(entry)) details.push({ where: first(entry.location), what: words(entry.detail) })
    }
  }
  const reason = words(body.reason)
  return new ApiError(
    reason.startsWith('record-') ? 'record' : fault,
    status,
    words(body.detail) || words(body.title),
    details,
    requestId,
    words(body.detailDe),
    reason,
  )
}
