import type { Lang, SearchHit } from '@cdss/shared/api/types.ts'
import type { Grade, JudgedQuery } from './types.ts'

// The most bytes of a quotation that the server keeps.
const most = 2000

/** The beginning of a text within so many bytes of UTF-8, never half a character. */
export function within(text: string, bytes: number): string {
  const encoder = new TextEncoder()
  let size = 0
  let out = ''
  for (const char of text) {
    size += encoder.encode(char).length
    if (size > bytes) break
    out += char
  }
  return out.trim()
}

/** A query as judged by a curator; without a mark its right answer is silence. */
export function judged(id: string, query: string, language: Lang, kind: string, hits: SearchHit[], grades: Record<string, Grade>): JudgedQuery {
  const relevant = hits.flatMap((hit) => {
    const grade = grades[hit.passage]
    if (!grade) return []
    return [
      {
        document: hit.document,
        ...(hit.page === null ? {} : { page: hit.page }),
        heading: hit.heading,
        quote: within(hit.text, most),
        grade,
      },
    ]
  })
  return { id, query, language, ...(kind ? { kind } : {}), relevant }
}
