import { useQuery } from '@tanstack/react-query'
import { ApiError, faultOf } from '@cdss/shared/api/error.ts'

export type Ready = { status: string; checks: Record<string, string> }

/** Readiness as a load balancer sees it; a server that is not ready says so in the same form. */
export function useReady() {
  return useQuery({
    queryKey: ['readyz'],
    queryFn: async ({ signal }): Promise<Ready & { at: string }> => {
      let response: Response
      try {
        response = await fetch('/readyz', { signal, cache: 'no-store', headers: { Accept: 'application/json' } })
      } catch {
        throw new ApiError('offline', 0, '', [], '')
      }
      const body = (await response.json().catch(() => null)) as Ready | null
      if (!body?.checks) throw new ApiError(faultOf(response.status), response.status, '', [], '')
      return { ...body, at: new Date().toISOString() }
    },
    refetchInterval: 15_000,
  })
}
