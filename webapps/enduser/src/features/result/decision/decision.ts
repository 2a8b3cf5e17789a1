import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Recommendation } from '@cdss/shared/api/types.ts'

export type Outcome = 'accepted' | 'modified' | 'overridden'

/** Why advice is not followed: codes of the value set that CDS Hooks names, at most six. */
export const reasons = [
  'cds-not-applicable',
  'cds-suboptimal-context',
  'patient-contraindication',
  'recipient-disagrees-evidence',
  'patient-refuses',
  'service-not-available',
] as const
export type Reason = (typeof reasons)[number]
const system = 'http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes'

export type Decision = { outcome: Outcome; reason?: Reason; comment?: string }

/** What was decided about a recommendation, once for each; it is told to the server and kept for this page. */
export function useDecision(r: Recommendation) {
  const client = useQueryClient()
  const queryKey = ['decision', r.id]
  const decided = useQuery<Decision | null>({ queryKey, queryFn: () => null, enabled: false, initialData: null, gcTime: Infinity }).data
  const send = useMutation({
    mutationFn: ({ outcome, reason, comment }: Decision) =>
      call<undefined>(`/recommendations/${r.id}/feedback`, {
        method: 'POST',
        body: { outcome, ...(reason ? { reason: { system, code: reason } } : {}), ...(comment?.trim() ? { comment: comment.trim() } : {}) },
      }),
    onSuccess: (_, decision) => client.setQueryData(queryKey, decision),
  })
  return { decided, send, again: () => client.setQueryData(queryKey, null) }
}

/** Example content can be looked at, not decided about. */
export const mayDecide = (r: Recommendation) => r.banner === null
