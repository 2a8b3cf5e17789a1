import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import { ruleChanged } from './api.ts'
import type { Rule } from './rule.ts'

export type TableSet = { name: string; base: string; version: string; guideline: string; files: Record<string, string> }
export type Imported = { made: Rule[]; skipped: { ref: string; reason: string }[] }
export type Overlay = {
  id?: string
  kind: 'hide' | 'restrict' | 'replace' | 'prefer'
  target: string
  with?: string
  indication?: string
  reason: { de: string; en: string }
  by?: string
  at?: string
}
export type Knowledge = {
  loadedAt: string
  checkedAt: string
  revision: string
  demo: boolean
  plans: number
  shipped: number
  site: number
  problems: { artifact: string; location: string; message: string; blocks: boolean }[]
  withheld: { artifact: string; message: string }[]
  refused: { artifact: string; message: string }[]
  services: { id: string; hook: string; artifact: string }[]
  overlay: number
  upgrades: unknown[]
}

export function useTables(name: string) {
  return useQuery({
    queryKey: ['rules', 'tables', name],
    queryFn: ({ signal }) => call<TableSet>(`/authoring/tables?name=${encodeURIComponent(name)}`, { signal }),
    // What is being edited is not replaced.
    refetchOnWindowFocus: false,
    staleTime: Infinity,
    retry: false,
  })
}

export function useImportTables() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (set: TableSet) => call<Imported>('/authoring/tables', { method: 'POST', body: set }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['rules', 'list'] }),
  })
}

export function useImport() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (file: File) =>
      call<Imported>('/authoring/import', { method: 'POST', body: new Blob([file], { type: /\.json$/i.test(file.name) ? 'application/json' : 'application/gzip' }) }),
    onSuccess: () => ruleChanged(client),
  })
}

export function useOverlay() {
  return useQuery({
    queryKey: ['rules', 'overlay'],
    queryFn: ({ signal }) => call<{ entries: Overlay[] }>('/authoring/overlay', { signal }),
    select: (data) => data.entries,
  })
}

export function useAddOverlay() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (entry: Overlay) => call<Overlay>('/authoring/overlay', { method: 'POST', body: entry }),
    onSuccess: () => ruleChanged(client),
  })
}

export function useRemoveOverlay() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => call<undefined>(`/authoring/overlay/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    onSuccess: () => ruleChanged(client),
  })
}

export function useKnowledge() {
  return useQuery({ queryKey: ['rules', 'knowledge'], queryFn: ({ signal }) => call<Knowledge>('/authoring/knowledge', { signal }) })
}
