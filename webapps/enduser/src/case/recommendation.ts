import { useQuery } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Indications, Lang, Recommendation, RecommendationRequest } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { bundleToSend, requestToSend, type Case } from './cases.ts'

/**
 * The recommendation for a case in the language shown. One answer per input and
 * language; it is never refreshed behind the reader's back.
 */
export function useRecommendation(c: Case) {
  const language: Lang = useLang()
  return useQuery({
    queryKey: ['recommendation', c.id, c.revision, language],
    queryFn: ({ signal }) => {
      const body: RecommendationRequest = { bundle: bundleToSend(c), request: requestToSend(c.request), language }
      return call<Recommendation>('/recommendations', { method: 'POST', body, signal })
    },
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
