// The JSON of /api/system/audit. What is empty may be missing.

export type Entity = { name: string; what?: string; details?: Record<string, string> }
export type AuditEvent = {
  id: string
  recorded: string
  kind: string
  action: 'C' | 'R' | 'U' | 'D' | 'E'
  /** 0 success, 4 refused, 8 and 12 failed. */
  outcome: 0 | 4 | 8 | 12
  reason?: string
  person?: string
  roles?: string[]
  client?: string
  address?: string
  request?: string
  /** A pseudonym. */
  patient?: string
  query?: string
  data?: string
  entities?: Entity[]
}
export type AuditPage = { events: AuditEvent[]; next?: string }
export type AuditFilter = { patient?: string; person?: string; from?: string; to?: string }

/** One answer to who saw a patient's data. */
export type Sighting = { person?: string; client?: string; kind: string; events: number; first: string; last: string }
export type Sightings = { sightings: Sighting[] }

/** One answer to what somebody did. */
export type Deed = { kind: string; data?: string; events: number; patients: number; first: string; last: string }
export type Deeds = { deeds: Deed[] }

export type AuditFault = { position?: number; event?: string; problem: string }
export type Verification = {
  ok: boolean
  first: number
  last: number
  events: number
  deleted: number
  heads: number
  waiting: number
  faults: AuditFault[]
  moreFaults: number
  seconds: number
}
