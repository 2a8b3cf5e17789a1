import { useQuery } from '@tanstack/react-query'
import { call } from './call.ts'
import type { Status } from './types.ts'

/** What this server is and can, for the footer and the notices. */
export function useStatus(enabled = true) {
  return useQuery({ queryKey: ['status'], queryFn: ({ signal }) => call<Status>('/status', { signal }), enabled, staleTime: 60_000 })
}
