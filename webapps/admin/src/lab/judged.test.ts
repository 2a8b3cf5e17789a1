import type { SearchHit } from '@cdss/shared/api/types.ts'
import { expect, it } from 'vitest'
import { judged, within } from './judged.ts'

const hit = (passage: string, page: number | null) => ({ passage, page, document: 'd', heading: 'h', text: `words of ${passage}` }) as SearchHit

it('keeps the marked passages in the words of the source', () => {
  const query = judged('q1', 'how long?', 'en', 'lay', [hit('a', 3), hit('b', null), hit('c', 4)], { a: 3, b: 1 })
  expect(query).toEqual({
    id: 'q1',
    query: 'how long?',
    language: 'en',
    kind: 'lay',
    relevant: [
      { document: 'd', page: 3, heading: 'h', quote: 'words of a', grade: 3 },
      { document: 'd', heading: 'h', quote: 'words of b', grade: 1 },
    ],
  })
})

it('cuts a quotation between characters', () => {
  expect(within('äöü', 5)).toBe('äö')
  expect(within('a😀b', 4)).toBe('a')
  expect(within('short', 2000)).toBe('short')
})
