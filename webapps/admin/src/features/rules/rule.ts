/** A rule as lists show it. */
export type Rule = {
  type: string
  id: string
  url: string
  version: string
  name: string
  title: { de: string; en: string }
  status: string
  state: 'draft' | 'submitted' | 'approved' | 'released' | 'retired' | 'shipped'
  origin: 'site' | 'shipped'
  experimental: boolean
  running: boolean
  reason: string
  pack: string
  indication: string
  triggers: string[]
  coverage: { actions: number; conditions: number; cited: number; substances: string[] }
  effective: { start: string; end: string }
  approvalDate: string
  lastReviewDate: string
  expired: boolean
  authors: string[]
  approvedBy: string
  releasedAt: string
  draftOf: string
  versionId: number
  changedAt: string
}

export const titleOf = (rule: Rule, lang: 'de' | 'en') => rule.title[lang] || rule.title.de || rule.title.en || rule.name || rule.id
