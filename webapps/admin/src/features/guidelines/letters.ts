import type { Passage } from '@cdss/shared/api/types.ts'

/** The letters and digits of a text alone: markup and breaks of a line do not count. */
export const letters = (text: string) =>
  text
    .replace(/<[^>]*>/g, ' ')
    .replace(/[^\p{L}\p{N}]+/gu, '')
    .toLowerCase()

/** The one passage whose words hold those of a block of the page, or null where none or several do. */
export function passageOf(block: string, passages: Passage[]): Passage | null {
  const needle = letters(block)
  if (needle.length < 3) return null
  const found = passages.filter((p) => letters(p.quoted).includes(needle))
  return found.length === 1 ? (found[0] ?? null) : null
}
