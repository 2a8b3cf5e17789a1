import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { JudgedQuery, QueryRun, QuerySet, QuerySetHead, RunComparison } from './types.ts'

const enc = encodeURIComponent

export function useSets(enabled = true) {
  return useQuery({
    queryKey: ['query-sets'],
    queryFn: ({ signal }) => call<{ sets: QuerySetHead[] }>('/query-sets', { signal }),
    enabled,
  })
}

export function useSet(id: string) {
  return useQuery({
    queryKey: ['query-sets', id],
    queryFn: ({ signal }) => call<QuerySet>(`/query-sets/${enc(id)}`, { signal }),
  })
}

export const runsOf = (id: string) => ({
  queryKey: ['query-sets', id, 'runs'],
  queryFn: ({ signal }: { signal: AbortSignal }) => call<{ runs: QueryRun[] }>(`/query-sets/${enc(id)}/runs`, { signal }),
})

export const useRuns = (id: string) => useQuery(runsOf(id))

export function useComparison(set: string, run: string, earlier: string) {
  return useQuery({
    queryKey: ['query-sets', set, 'comparison', run, earlier],
    queryFn: ({ signal }) =>
      call<RunComparison>(`/query-sets/${enc(set)}/runs/${enc(run)}/comparison?with=${enc(earlier)}`, { signal }),
    enabled: run !== '' && earlier !== '' && run !== earlier,
    staleTime: Infinity,
  })
}

function useChange<V, R>(mutationFn: (values: V) => Promise<R>) {
  const client = useQueryClient()
  return useMutation({ mutationFn, onSuccess: () => client.invalidateQueries({ queryKey: ['query-sets'] }) })
}

export const useAddQuery = () =>
  useChange(async ({ set, name, query }: { set: string; name: string; query: JudgedQuery }) => {
    if (set === '') return call<QuerySet>('/query-sets', { method: 'POST', body: { name, queries: [query] } })
    // Read right before: the server refuses when somebody else changed it in between.
    const now = await call<QuerySet>(`/query-sets/${enc(set)}`)
    return call<QuerySet>(`/query-sets/${enc(set)}`, {
      method: 'PUT',
      body: { name: now.name, queries: [...now.queries, query], revision: now.revision },
    })
  })

export const useRemoveQuery = () =>
  useChange(({ set, query }: { set: QuerySet; query: string }) =>
    call<QuerySet>(`/query-sets/${enc(set.id)}`, {
      method: 'PUT',
      body: { name: set.name, queries: set.queries.filter((q) => q.id !== query), revision: set.revision },
    }),
  )

export const useDeleteSet = () => useChange((id: string) => call<undefined>(`/query-sets/${enc(id)}`, { method: 'DELETE' }))
export const useRunSet = () => useChange((id: string) => call<QueryRun>(`/query-sets/${enc(id)}/runs`, { method: 'POST' }))
