/** Where a passage stands in a page's text, as offsets; null unless its words are all there. */
export type Span = { start: number; end: number }

/**
 * Finds a passage word for word. Only white space may differ, since a page is
 * laid out anew; anything else that differs gives null, for a mark in the wrong
 * place is worse than none. A passage that occurs twice gives null as well.
 */
export function locate(page: string, quoted: string): Span | null {
  const needle = squeeze(quoted).text.trim()
  if (needle === '') return null
  const { text, offsets } = squeeze(page)
  const at = text.indexOf(needle)
  if (at < 0 || text.indexOf(needle, at + 1) >= 0) return null
  const start = offsets[at]
  const last = offsets[at + needle.length - 1]
  if (start === undefined || last === undefined) return null
  return { start, end: last + 1 }
}

/** The text with each run of white space as one space, and where each character stood. */
function squeeze(source: string): { text: string; offsets: number[] } {
  let text = ''
  const offsets: number[] = []
  let gap = false
  for (let i = 0; i < source.length; i++) {
    const char = source.charAt(i)
    if (/\s/.test(char)) {
      if (!gap) {
        text += ' '
        offsets.push(i)
      }
      gap = true
      continue
    }
    gap = false
    text += char
    offsets.push(i)
  }
  return { text, offsets }
}
