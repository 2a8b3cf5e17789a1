import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Guideline, Guidelines, GuidelineSource, Indications, Job } from '@cdss/shared/api/types.ts'

// What several screens know of guidelines: the list, and the text of a source.

export const working = (job: Job | null) => job !== null && (job.state === 'queued' || job.state === 'running')

/** All versions; asked for again while one is being ingested. */
export function useGuidelines() {
  return useQuery({
    queryKey: ['guidelines'],
    queryFn: ({ signal }) => call<Guidelines>('/guidelines', { signal }),
    refetchInterval: (query) => (query.state.data?.guidelines.some((g) => working(g.job)) ? 1000 : false),
  })
}

export function useSource(id: string | null) {
  return useQuery({
    queryKey: ['source', id],
    queryFn: ({ signal }) => call<GuidelineSource>(`/guidelines/${encodeURIComponent(id ?? '')}/source`, { signal }),
    enabled: id !== null,
    staleTime: 300_000,
  })
}

export function useIndications() {
  return useQuery({
    queryKey: ['indications'],
    queryFn: ({ signal }) => call<Indications>('/indications', { signal }),
    staleTime: Infinity,
  })
}

export type Step = 'approve' | 'retire' | 'delete'

/** Approves, retires or deletes; the list and the numbers of the overview follow. */
export function useStep() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ guideline, step }: { guideline: Guideline; step: Step }) => {
      const path = `/guidelines/${encodeURIComponent(guideline.id)}` as const
      return step === 'delete' ? call<undefined>(path, { method: 'DELETE' }) : call<Guideline>(`${path}/${step}`, { method: 'POST' })
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['guidelines'] })
      void client.invalidateQueries({ queryKey: ['guideline'] })
      void client.invalidateQueries({ queryKey: ['status'] })
    },
  })
}
