import type { Guideline } from '@cdss/shared/api/types.ts'

/** Why a version wants somebody's attention. */
export const concerns = ['review', 'expired', 'expiring', 'failed', 'flagged'] as const
export type Concern = (typeof concerns)[number]

/** Days before the end of validity from which on a version is due for review. */
export const reviewDays = 90

export function concern(g: Guideline, now: Date): Concern[] {
  const list: Concern[] = []
  if (g.status === 'draft' && g.complete) list.push('review')
  if (g.status === 'active' && g.expired) list.push('expired')
  if (g.status === 'active' && !g.expired && g.validUntil && (Date.parse(g.validUntil) - now.getTime()) / 86_400_000 <= reviewDays) list.push('expiring')
  if (g.job?.state === 'failed') list.push('failed')
  if (g.flagged > 0 && g.status !== 'retired') list.push('flagged')
  return list
}
