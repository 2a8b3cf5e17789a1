import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Guideline, Passages } from '@cdss/shared/api/types.ts'
import { working } from '../../guideline/guidelines.ts'

export function useGuideline(id: string) {
  return useQuery({
    queryKey: ['guideline', id],
    queryFn: ({ signal }) => call<Guideline>(`/guidelines/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: (query) => (working(query.state.data?.job ?? null) ? 1000 : false),
  })
}

const step = 50

/** Passages by page and words, fifty at a time. */
export function usePassages(id: string, page: number | null, q: string, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ['passages', id, page, q],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ offset: String(pageParam), limit: String(step) })
      if (page !== null) query.set('page', String(page))
      if (q !== '') query.set('q', q)
      return call<Passages>(`/guidelines/${encodeURIComponent(id)}/passages?${query}`, { signal })
    },
    initialPageParam: 0,
    getNextPageParam: (last, all) => {
      const loaded = all.reduce((n, part) => n + part.passages.length, 0)
      return last.passages.length > 0 && loaded < last.total ? loaded : undefined
    },
    placeholderData: keepPreviousData,
    enabled,
  })
}
