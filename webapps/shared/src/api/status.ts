import { queryOptions, useQuery } from '@tanstack/react-query'
import { call } from './call.ts'
import type { Status } from './types.ts'

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => call<Status>('/status', { signal }),
  staleTime: 60_000,
})

/** What this server is and can, for the footer and the notices. */
export function useStatus(enabled = true) {
  return useQuery({ ...statusQuery, enabled })
}
