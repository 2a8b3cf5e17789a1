import { useQuery } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { PlanDetail, PlanSummaries } from '@cdss/shared/api/types.ts'

export function usePlans() {
  return useQuery({
    queryKey: ['plans'],
    queryFn: ({ signal }) => call<PlanSummaries>('/plandefinitions', { signal }),
  })
}

export function usePlan(id: string, lang: string) {
  return useQuery({
    queryKey: ['plan', id, lang],
    queryFn: ({ signal }) => call<PlanDetail>(`/plandefinitions/${encodeURIComponent(id)}?language=${lang}`, { signal }),
  })
}
