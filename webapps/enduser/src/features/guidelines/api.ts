import { useQuery } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Guideline, Guidelines, Passage, Passages } from '@cdss/shared/api/types.ts'

export type PageOutline = { sheet: number; page: number | null; label: string }
export type PageView = PageOutline & { text: string; image: string; width: number; height: number; passages: Passage[] }

/** Guidelines that feed answers. */
export function useGuidelines() {
  return useQuery({
    queryKey: ['guidelines'],
    queryFn: async ({ signal }): Promise<Guideline[]> => (await call<Guidelines>('/guidelines', { signal })).guidelines.filter((g) => g.status === 'active'),
  })
}

export function usePages(id: string) {
  return useQuery({
    queryKey: ['pages', id],
    queryFn: ({ signal }) => call<{ total: number; pages: PageOutline[] }>(`/guidelines/${id}/versions/${id}/pages?limit=2000`, { signal }),
    staleTime: Infinity,
  })
}

export const fetchPage = (id: string, sheet: number, signal?: AbortSignal) =>
  call<PageView>(`/guidelines/${id}/versions/${id}/pages/${sheet}`, { signal })

export function usePage(id: string, sheet: number) {
  return useQuery({ queryKey: ['page', id, sheet], queryFn: ({ signal }) => fetchPage(id, sheet, signal), staleTime: Infinity })
}

/** Passages of one guideline that hold a text. */
export function useFound(id: string, text: string) {
  return useQuery({
    queryKey: ['found', id, text],
    queryFn: ({ signal }) => call<Passages>(`/guidelines/${id}/passages?limit=50&q=${encodeURIComponent(text)}`, { signal }),
    enabled: text.length > 1,
  })
}

export const nameOfPage = (p: PageOutline) => p.label || String(p.page ?? p.sheet)
