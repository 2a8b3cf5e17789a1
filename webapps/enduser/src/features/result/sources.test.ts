import type { Citation, Evidence, Recommendation } from '@cdss/shared/api/types.ts'
import { describe, expect, it } from 'vitest'
import { sourcesOf } from './sources.ts'

const cite = (page: number, quote: string | null = null): Citation => ({ document: 'd', title: 'T', version: '1', page, section: '', quote })
const found = (page: number): Evidence => ({ ...cite(page), quote: 'words', validUntil: null, expired: true, score: 1 })

function recommendation(patch: Partial<Recommendation>): Recommendation {
  return { warnings: [], options: [], excluded: [], evidence: [], narrative: null, ...patch } as Recommendation
}

describe('sourcesOf', () => {
  it('gives one place one number, in the order of reading', () => {
    const r = recommendation({
      warnings: [{ citations: [cite(3)] }] as Recommendation['warnings'],
      options: [{ citations: [cite(1), cite(3)] }] as Recommendation['options'],
      excluded: [{ citations: [cite(2)] }] as Recommendation['excluded'],
    })
    const sources = sourcesOf(r)
    expect(sources.cited.map((s) => [s.number, s.citation.page])).toEqual([
      [1, 3],
      [2, 1],
      [3, 2],
    ])
    expect(sources.numberOf(cite(2))).toBe(3)
  })

  it('prefers the citation that carries the words, and knows that its source has expired', () => {
    const r = recommendation({
      options: [{ citations: [cite(1)] }, { citations: [cite(1, 'words')] }] as Recommendation['options'],
      evidence: [found(1), found(9)],
    })
    const sources = sourcesOf(r)
    expect(sources.cited[0]?.citation.quote).toBe('words')
    expect(sources.cited[0]?.evidence?.expired).toBe(true)
    expect(sources.supporting.map((s) => [s.number, s.evidence.page])).toEqual([[2, 9]])
  })
})
