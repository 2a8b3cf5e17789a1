import { ApiError } from '@cdss/shared/api/error.ts'

/** What the server says about a field, with the words of the server. */
export function faultsOf(error: unknown): (...fields: string[]) => string | undefined {
  const details = error instanceof ApiError ? error.details : []
  return (...fields) => {
    const found = details.filter((detail) => fields.includes(detail.where)).map((detail) => detail.what)
    return found.length > 0 ? [...new Set(found)].join(' · ') : undefined
  }
}
