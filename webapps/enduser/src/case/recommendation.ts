import { useQuery, type QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { call } from '@cdss/shared/api/call.ts'
import { stream } from '@cdss/shared/api/stream.ts'
import type { Indications, Lang, Recommendation, RecommendationRequest } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { askOf, type Case } from './cases.ts'

/** How far an answer is: what has been computed, and whether text is still being written. */
export type Progress = { facts?: number; options?: number; evidence?: number; narrative?: 'pending' | 'failed' }

const progress = new Map<string, Progress>()
const listeners = new Set<() => void>()

function report(key: string, patch: Progress): void {
  progress.set(key, { ...progress.get(key), ...patch })
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const none: Progress = {}
const keyOf = (c: Case, language: Lang) => ['recommendation', c.id, c.revision, language] as const

export function useProgress(c: Case): Progress {
  const key = keyOf(c, useLang()).join(' ')
  return useSyncExternalStore(subscribe, () => progress.get(key) ?? none)
}

/**
 * Asks for an answer. It is given as soon as it is whole: where a language model still
 * writes about it, that text is handed in later.
 */
export function ask(body: RecommendationRequest, key: string, signal: AbortSignal | undefined, later: (r: Recommendation) => void): Promise<Recommendation> {
  progress.delete(key)
  return new Promise((resolve, reject) => {
    let decided = false
    stream<Recommendation>('/recommendations', {
      body,
      signal,
      onEvent: (name, data) => {
        if ((name === 'facts' || name === 'options' || name === 'evidence') && Array.isArray(data)) report(key, { [name]: data.length })
        if (name === 'decision') {
          decided = true
          report(key, { narrative: 'pending' })
          resolve(data as Recommendation)
        }
      },
    }).then(
      (result) => {
        report(key, { narrative: undefined })
        resolve(result)
        if (decided) later(result)
      },
      (error: unknown) => {
        if (decided) report(key, { narrative: 'failed' })
        reject(error instanceof Error ? error : new Error('no answer'))
      },
    )
  })
}

/**
 * The recommendation for a case in the language shown. One answer per input and
 * language; it is never refreshed behind the reader's back.
 */
export function useRecommendation(c: Case) {
  const language: Lang = useLang()
  const queryKey = keyOf(c, language)
  return useQuery({
    queryKey,
    queryFn: ({ signal, client }: { signal: AbortSignal; client: QueryClient }) =>
      ask(askOf(c, language), queryKey.join(' '), signal, (whole) => client.setQueryData(queryKey, whole)),
    enabled: !c.frozen,
    staleTime: Infinity,
    gcTime: Infinity,
  })
}

export function useIndications() {
  return useQuery({
    queryKey: ['indications'],
    queryFn: ({ signal }) => call<Indications>('/indications', { signal }),
    staleTime: Infinity,
  })
}
