import { useQuery } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'

/** The SMART launch of this browser, as the server tells it. Its token never comes here. */
export type Launch = {
  server: string
  patient: string
  encounter: string | null
  user: string | null
  expires: string
  missing: string[]
}

export const fetchLaunch = (signal: AbortSignal) => call<Launch>('/launch', { signal })
export const endLaunch = () => call<undefined>('/launch', { method: 'DELETE' })

/** Registered FHIR servers. */
export function useServers(enabled: boolean) {
  return useQuery({
    queryKey: ['servers'],
    queryFn: ({ signal }) => call<{ servers: string[]; launchable: string[] }>('/servers', { signal }),
    enabled,
  })
}

export const launchFrom = (server: string) => `/smart/launch?server=${encodeURIComponent(server)}`
