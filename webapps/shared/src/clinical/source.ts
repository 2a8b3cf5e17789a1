import type { Lang } from '../api/types.ts'
import { formatDate } from '../format/date.ts'

type Cited = { document: string; title: string; version: string; page: number | null; section: string }

/** Two citations of the same place are the same source. */
export const sourceKey = (c: Cited) => [c.document, c.version, c.page ?? '', c.section].join('|')

/** Document and page in a few characters: "AWMF 082-006, S. 104". */
export function shortSource(c: Cited, lang: Lang): string {
  const page = c.page === null ? '' : lang === 'de' ? `S.\u00a0${c.page}` : `p.\u00a0${c.page}`
  return [c.document || c.title, page || c.section].filter(Boolean).join(', ')
}

export const dateText = (date: string | null, lang: Lang) => (date ? formatDate(date, lang) : '')
