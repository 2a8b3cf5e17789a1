import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Guideline, Guidelines, Passage, Passages } from '@cdss/shared/api/types.ts'
import { working } from '../../guideline/guidelines.ts'
import type { PageList, PageView, RuleCitation, VersionDifference } from './types.ts'

const enc = encodeURIComponent

export function useGuideline(id: string) {
  return useQuery({
    queryKey: ['guideline', id],
    queryFn: ({ signal }) => call<Guideline>(`/guidelines/${enc(id)}`, { signal }),
    refetchInterval: (query) => (working(query.state.data?.job ?? null) ? 1000 : false),
  })
}

const step = 50

/** Passages by position of their page and words, fifty at a time. */
export function usePassages(id: string, sheet: number | null, q: string) {
  return useInfiniteQuery({
    queryKey: ['passages', id, sheet, q],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ offset: String(pageParam), limit: String(step) })
      if (sheet !== null) query.set('sheet', String(sheet))
      if (q !== '') query.set('q', q)
      return call<Passages>(`/guidelines/${enc(id)}/passages?${query}`, { signal })
    },
    initialPageParam: 0,
    getNextPageParam: (last, all) => {
      const loaded = all.reduce((n, part) => n + part.passages.length, 0)
      return last.passages.length > 0 && loaded < last.total ? loaded : undefined
    },
    placeholderData: keepPreviousData,
  })
}

/** All pages of a version, without their text. */
export function usePages(id: string) {
  return useQuery({
    queryKey: ['pages', id],
    queryFn: ({ signal }) => call<PageList>(`/guidelines/${enc(id)}/versions/${enc(id)}/pages?limit=2000`, { signal }),
    staleTime: 300_000,
  })
}

export function usePage(id: string, sheet: number) {
  return useQuery({
    queryKey: ['page', id, sheet],
    queryFn: ({ signal }) => call<PageView>(`/guidelines/${enc(id)}/versions/${enc(id)}/pages/${sheet}`, { signal }),
    placeholderData: keepPreviousData,
    enabled: sheet > 0,
  })
}

/** Annotates a passage, or takes it out of search and citations. */
export function useMark(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ passage, disabled, note }: { passage: string; disabled: boolean; note: string }) =>
      call<Passage>(`/guidelines/${enc(id)}/passages/${enc(passage)}`, { method: 'PUT', body: { disabled, note } }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ['passages', id] }),
        client.invalidateQueries({ queryKey: ['page', id] }),
        client.invalidateQueries({ queryKey: ['used-by', id] }),
      ]),
  })
}

export function useVersions(id: string) {
  return useQuery({
    queryKey: ['guideline', id, 'versions'],
    queryFn: ({ signal }) => call<Guidelines>(`/guidelines/${enc(id)}/versions`, { signal }),
  })
}

export function useDifference(id: string, from: string) {
  return useQuery({
    queryKey: ['difference', id, from],
    queryFn: ({ signal }) => call<VersionDifference>(`/guidelines/${enc(id)}/versions/${enc(id)}/difference?from=${enc(from)}`, { signal }),
    enabled: from !== '',
  })
}

export function useUsedBy(id: string) {
  return useQuery({
    queryKey: ['used-by', id],
    queryFn: ({ signal }) => call<{ citations: RuleCitation[] }>(`/guidelines/${enc(id)}/used-by`, { signal }),
  })
}
