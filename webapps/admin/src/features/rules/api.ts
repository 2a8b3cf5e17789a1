import { useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query'
import type { Bundle } from 'fhir/r4'
import { call } from '@cdss/shared/api/call.ts'
import type { Examples, Lang, Passages, SearchResult } from '@cdss/shared/api/types.ts'
import type { CaseRun, CaseSummary, DecisionRow, DecisionTrace, Detail, Difference, Explanation, ExpressionAnswer, ExpressionQuestion, RuleUses, Step, StepName } from './types.ts'
import type { Rule } from './rule.ts'

const enc = encodeURIComponent
const address = (type: string, id: string) => `/authoring/rules/${enc(type)}/${enc(id)}` as const

export function useRules(type = '') {
  return useQuery({
    queryKey: ['rules', 'list', type],
    queryFn: ({ signal }) => call<{ rules: Rule[] }>(`/authoring/rules?type=${type}`, { signal }),
    select: (data) => data.rules,
  })
}

export function useRule(type: string, id: string) {
  return useQuery({
    queryKey: ['rules', 'one', type, id],
    queryFn: ({ signal }) => call<Detail>(address(type, id), { signal }),
    // What is being edited is not replaced under the hands of who edits it.
    refetchOnWindowFocus: false,
  })
}

export const readRule = (type: string, id: string) => call<Detail>(address(type, id))

export const ruleChanged = (client: QueryClient) => client.invalidateQueries({ queryKey: ['rules'] })

export function useCreate() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (resource: unknown) => call<Detail>('/authoring/rules', { method: 'POST', body: { resource } }),
    onSuccess: () => ruleChanged(client),
  })
}

export function useSave(type: string, id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ resource, version }: { resource: unknown; version: number }) => call<Detail>(address(type, id), { method: 'PUT', body: { resource }, version }),
    onSuccess: (detail) => {
      client.setQueryData(['rules', 'one', type, id], detail)
      void client.invalidateQueries({ queryKey: ['rules', 'list'] })
    },
  })
}

export function useRemove(type: string, id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => call<undefined>(address(type, id), { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['rules', 'list'] }),
  })
}

export type Taken = { step: StepName; note?: string; version?: string; url?: string; title?: string }

export function useTake(type: string, id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ taken, version }: { taken: Taken; version: number | undefined }) =>
      call<Detail>(`${address(type, id)}/steps`, { method: 'POST', body: taken, version }),
    onSuccess: () => ruleChanged(client),
  })
}

export function useHistory(type: string, id: string) {
  return useQuery({
    queryKey: ['rules', 'history', type, id],
    queryFn: ({ signal }) => call<{ steps: Step[] }>(`${address(type, id)}/history`, { signal }),
    select: (data) => data.steps,
  })
}

export function useDifference(type: string, id: string, enabled: boolean) {
  return useQuery({
    queryKey: ['rules', 'difference', type, id],
    queryFn: ({ signal }) => call<Difference>(`${address(type, id)}/diff`, { signal }),
    enabled,
    retry: false,
  })
}

export function useCases(url: string) {
  return useQuery({
    queryKey: ['rules', 'cases', url],
    queryFn: ({ signal }) => call<{ cases: CaseSummary[] }>(`/authoring/cases?artifact=${enc(url)}`, { signal }),
    select: (data) => data.cases,
  })
}

export const readCase = (id: string) => call<Bundle>(`/authoring/cases/${enc(id)}`)

export function useSaveCase() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (bundle: Bundle) => call<CaseSummary>(`/authoring/cases/${enc(bundle.id ?? '')}`, { method: 'PUT', body: bundle }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['rules', 'cases'] }),
  })
}

export function useDeleteCase() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => call<undefined>(`/authoring/cases/${enc(id)}`, { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['rules', 'cases'] }),
  })
}

export function useTest(type: string, id: string) {
  return useMutation({ mutationFn: () => call<CaseRun>(`${address(type, id)}/test`, { method: 'POST' }) })
}

export function useExamples() {
  return useQuery({ queryKey: ['examples'], queryFn: ({ signal }) => call<Examples>('/examples', { signal }), select: (data) => data.examples, staleTime: Infinity })
}

export const readExample = (id: string) => call<Bundle>(`/examples/${enc(id)}`)

export type TraceQuestion = { artifact?: unknown; rule?: { type: string; id: string }; case?: string; bundle?: unknown; request?: unknown; language: Lang }
export const trace = (question: TraceQuestion, signal?: AbortSignal) => call<Explanation>('/authoring/trace', { method: 'POST', body: question, signal })

export const tryExpression = (question: ExpressionQuestion, signal?: AbortSignal) => call<ExpressionAnswer>('/authoring/expressions', { method: 'POST', body: question, signal })

export function useSearch() {
  return useMutation({ mutationFn: (query: string) => call<SearchResult>('/search', { method: 'POST', body: { query, k: 8 } }) })
}

/** The hash of a passage's text, which binds a citation to it. */
export async function passageHash(guideline: string, passage: string, page: number | null): Promise<string> {
  const query = new URLSearchParams({ limit: '200', ...(page === null ? {} : { page: String(page) }) })
  const found = await call<Passages>(`/guidelines/${enc(guideline)}/passages?${query}`)
  return found.passages.find((p) => p.id === passage)?.sha256 ?? ''
}

export function useUses(rule = '', enabled = true) {
  return useQuery({
    queryKey: ['rules', 'uses', rule],
    queryFn: ({ signal }) => call<RuleUses>(`/authoring/feedback?rule=${enc(rule)}`, { signal }),
    enabled,
  })
}

export function useDecisions(rule: string) {
  return useQuery({
    queryKey: ['rules', 'decisions', rule],
    queryFn: ({ signal }) => call<{ decisions: DecisionRow[] }>(`/authoring/decisions?rule=${enc(rule)}`, { signal }),
    select: (data) => data.decisions,
  })
}

export function useDecision(id: string | null) {
  return useQuery({
    queryKey: ['rules', 'decision', id],
    queryFn: ({ signal }) => call<DecisionTrace>(`/authoring/decisions/${enc(id ?? '')}`, { signal }),
    enabled: id !== null,
  })
}
