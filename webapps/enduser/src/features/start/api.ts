import { useQuery } from '@tanstack/react-query'
import type { Bundle } from 'fhir/r4'
import { call } from '@cdss/shared/api/call.ts'
import type { Examples } from '@cdss/shared/api/types.ts'

/** Example patients; a server without demo data has none. */
export function useExamples(enabled: boolean) {
  return useQuery({
    queryKey: ['examples'],
    queryFn: ({ signal }) => call<Examples>('/examples', { signal }),
    enabled,
    staleTime: Infinity,
  })
}

export const fetchExample = (id: string) => call<Bundle>(`/examples/${encodeURIComponent(id)}`)
