import type { AuditFilter } from './types.ts'

export type Asked = { patient: string; person: string; from: string; to: string }

export const nothingAsked: Asked = { patient: '', person: '', from: '', to: '' }

/**
 * What is sent for days as people mean them: from the first moment of one to the
 * last of the other, in the time zone they are in. A patient may be named as FHIR
 * does, Patient/1.
 */
export function filterOf(asked: Asked): AuditFilter {
  const filter: AuditFilter = {}
  const patient = asked.patient.trim().replace(/^Patient\//, '')
  const person = asked.person.trim().replace(/^Person\//, '')
  if (patient) filter.patient = patient
  if (person) filter.person = person
  const from = day(asked.from)
  const to = day(asked.to)
  if (from) filter.from = from.toISOString()
  if (to) {
    to.setDate(to.getDate() + 1)
    filter.to = to.toISOString()
  }
  return filter
}

/** Both days are there, and the wrong way round. */
export const backwards = (asked: Asked) => asked.from !== '' && asked.to !== '' && asked.from > asked.to

function day(text: string): Date | null {
  const date = new Date(`${text}T00:00:00`)
  return Number.isNaN(date.getTime()) ? null : date
}
