import type { Lang, SearchResult } from '@cdss/shared/api/types.ts'

// Judged queries, their runs and answers, as the API states them.

export type Grade = 1 | 2 | 3
export type JudgedPassage = { document?: string; page?: number; heading?: string; quote: string; grade: number; unit?: string }
export type JudgedQuery = { id: string; query: string; language: Lang; kind?: string; relevant?: JudgedPassage[] }
export type QuerySet = { id: string; name: string; queries: JudgedQuery[]; revision?: number; updatedAt: string }

export type Measures = {
  n: number
  ndcg: number
  recall5: number
  recall10: number
  recall20: number
  qrecall10: number
  recall8k: number
  mrr: number
  pchar5: number
  length: number
}
export type Abstention = { oosAbstain: number; falseAbstain: number; oosAUC: number }
export type QueryRun = {
  id: string
  ranAt: string
  reason: 'asked' | 'changed'
  corpus: string
  program: string
  queries: number
  groups: Record<string, Measures>
  abstention: Abstention | null
}
export type QuerySetHead = { id: string; name: string; queries: number; updatedAt: string; lastRun: QueryRun | null }
export type RunComparison = {
  n: number
  before: number
  after: number
  p: number
  better: number
  worse: number
  changed: { id: string; before: number; after: number }[]
}

export type AnswerCitation = {
  number: number
  document: string
  guideline: string
  passage: string
  title: string
  version: string
  validUntil: string | null
  expired: boolean
  page: number | null
  section: string
  path: string[]
  quote: string
  language: string
  score: number
}
export type Answer = {
  abstained: boolean
  reason: string | null
  reasonCode: 'no-documents' | 'nothing-found' | 'uncertain' | 'unsupported' | 'insufficient' | 'other-drugs' | null
  generated: boolean
  label: string | null
  model: string | null
  text: string
  sentences: { text: string; citations: number[] }[]
  citations: AnswerCitation[]
  dropped: Record<string, number>
  degraded: string[]
  query: SearchResult['query']
}
