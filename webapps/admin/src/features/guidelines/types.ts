import type { Guideline, Passage } from '@cdss/shared/api/types.ts'

// What only the curator's screens read of a guideline, as the API states it.

export type PageFlag = 'picture-only' | 'little-text' | 'bad-letters' | 'broken-page' | 'hidden-text'

export type PageOutline = {
  /** Position in the document, from 1. */
  sheet: number
  /** Printed page. */
  page: number | null
  /** As printed where that is no number. */
  label: string
  /** Points; 0 where the format has no pages. */
  width: number
  height: number
  length: number
  flags: PageFlag[]
  hasImage: boolean
}
export type PageList = { total: number; pages: PageOutline[] }
export type PageView = PageOutline & { text: string; image: string; passages: Passage[] }

export type RuleCitation = {
  rule: string
  version: string
  title: string
  page: number | null
  section: string
  terms: string[]
  found: boolean
  passage: Passage | null
}
export type RuleRebinding = {
  rule: string
  title: string
  page: number | null
  section: string
  terms: string[]
  /** stands: the same words; moved: other words or place; lost: found before only; new: found now only. */
  state: 'stands' | 'moved' | 'lost' | 'new' | 'unbound'
  from: Passage | null
  to: Passage | null
}
export type VersionDifference = {
  from: Guideline
  to: Guideline
  /** Passages whose words stand in both. */
  same: number
  added: Passage[]
  removed: Passage[]
  changed: { from: Passage; to: Passage }[]
  citations: RuleRebinding[]
}
