// The text of a passage is shown word for word. A general Markdown renderer is
// no good for that: it eats the asterisks of "3*500 mg … 2*1 g" as emphasis and
// turns "2018. Der …" into a list. So only what cannot be misread is laid out:
// tables, headings, line ends, raised and lowered digits. All else is literal.

export type Inline = string | { kind: 'sup' | 'sub' | 'bold'; text: string }
export type Cell = { header: boolean; colSpan: number; rowSpan: number; lines: Inline[][] }
export type Block =
  | { kind: 'heading'; inlines: Inline[] }
  | { kind: 'text'; inlines: Inline[] }
  | { kind: 'table'; rows: Cell[][] }

const htmlTable = /<table\b[\s\S]*?(?:<\/table\s*>|$)|<tr\b[\s\S]*<\/tr\s*>/gi

export function blocksOf(text: string): Block[] {
  const blocks: Block[] = []
  let from = 0
  for (const match of text.matchAll(htmlTable)) {
    blocks.push(...plainBlocks(text.slice(from, match.index)))
    const rows = htmlRows(match[0])
    if (rows.length > 0) blocks.push({ kind: 'table', rows })
    else blocks.push({ kind: 'text', inlines: [match[0]] })
    from = match.index + match[0].length
  }
  blocks.push(...plainBlocks(text.slice(from)))
  return blocks
}

/** Rows of an HTML table. The parser's document is inert: it loads and runs nothing. */
function htmlRows(html: string): Cell[][] {
  const source = /^<table\b/i.test(html) ? html : `<table>${html}</table>`
  const document = new DOMParser().parseFromString(source, 'text/html')
  const span = (cell: Element, name: string) => {
    const value = Number(cell.getAttribute(name) ?? '1')
    return Number.isInteger(value) && value >= 1 && value <= 50 ? value : 1
  }
  return [...document.querySelectorAll('tr')]
    .map((row) =>
      [...row.querySelectorAll('td, th')].map((cell) => ({
        header: cell.tagName === 'TH',
        colSpan: span(cell, 'colspan'),
        rowSpan: span(cell, 'rowspan'),
        lines: linesOf(cell),
      })),
    )
    .filter((row) => row.length > 0)
}

function linesOf(cell: Element): Inline[][] {
  const lines: Inline[][] = [[]]
  const walk = (node: Node) => {
    for (const child of node.childNodes) {
      if (child.nodeType === 3) {
        const text = (child.textContent ?? '').replace(/\s+/g, ' ')
        if (text !== '') lines[lines.length - 1]?.push(text)
        continue
      }
      if (!(child instanceof Element)) continue
      const tag = child.tagName.toLowerCase()
      if (tag === 'script' || tag === 'style') continue
      if (tag === 'br') lines.push([])
      else if (tag === 'sup' || tag === 'sub') lines[lines.length - 1]?.push({ kind: tag, text: child.textContent ?? '' })
      else {
        const block = tag === 'p' || tag === 'li' || tag === 'div'
        if (block && lines[lines.length - 1]?.length) lines.push([])
        walk(child)
      }
    }
  }
  walk(cell)
  return lines.filter((line) => line.some((part) => typeof part !== 'string' || part.trim() !== ''))
}

function plainBlocks(text: string): Block[] {
  const blocks: Block[] = []
  let paragraph: string[] = []
  let table: string[] = []
  // Rows of a table as they are taken out of a page: cells apart by tabs.
  let tabbed: string[] = []
  const flush = () => {
    if (tabbed.length > 0) {
      blocks.push({ kind: 'table', rows: tabbed.map((line) => line.split('\t').map((cell) => plainCell(cell))) })
      tabbed = []
    }
    if (table.length > 0) {
      const rows = pipeRows(table)
      if (rows) blocks.push({ kind: 'table', rows })
      else paragraph.push(...table)
      table = []
    }
    const joined = paragraph.join('\n').trim()
    if (joined !== '') blocks.push({ kind: 'text', inlines: inlinesOf(joined) })
    paragraph = []
  }
  for (const line of text.split(/\r?\n/)) {
    const heading = /^#{1,6}\s+(.+?)\s*$/.exec(line)
    if (/^\s*\|.*\|\s*$/.test(line)) {
      if (table.length === 0) flush()
      table.push(line.trim())
      continue
    }
    if (table.length > 0) flush()
    if (line.includes('\t')) {
      if (tabbed.length === 0) flush()
      tabbed.push(line)
      continue
    }
    if (tabbed.length > 0) flush()
    if (heading?.[1]) {
      flush()
      blocks.push({ kind: 'heading', inlines: inlinesOf(heading[1]) })
    } else if (line.trim() === '') flush()
    else paragraph.push(line)
  }
  flush()
  return blocks
}

function plainCell(text: string): Cell {
  const inlines = inlinesOf(text.trim())
  return { header: false, colSpan: 1, rowSpan: 1, lines: inlines.length > 0 ? [inlines] : [] }
}

const rule = /^\|[\s:|-]+\|$/

function pipeRows(lines: string[]): Cell[][] | null {
  const ruled = lines.findIndex((line) => rule.test(line) && line.includes('-'))
  if (lines.length < 2 && ruled < 0) return null
  return lines
    .map((line, i) => ({ line, header: i < ruled }))
    .filter(({ line }) => !(rule.test(line) && line.includes('-')))
    .map(({ line, header }) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => ({
          header,
          colSpan: 1,
          rowSpan: 1,
          lines: cell
            .split(/<br\s*\/?>/i)
            .map((part) => inlinesOf(part.trim().replaceAll('\\|', '|')))
            .filter((part) => part.length > 0),
        })),
    )
}

// Bold only where both pairs of asterisks stand at a word's edge and hold no
// further asterisk, so that no number can lose one.
const marks = /<(sup|sub)>([^<]*)<\/\1>|(?<![^\s(])\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*(?=[\s.,;:)!?]|$)/gi

function inlinesOf(text: string): Inline[] {
  const clean = text.replace(/<br\s*\/?>/gi, '\n').replace(/<\/?(?:em|strong|b|i|p|span|div|table|thead|tbody|tr|td|th)(?:\s[^<>]*)?>/gi, '')
  const inlines: Inline[] = []
  let from = 0
  for (const match of clean.matchAll(marks)) {
    if (match.index > from) inlines.push(clean.slice(from, match.index))
    const [whole, tag, raised, bold] = match
    if (tag) inlines.push({ kind: tag.toLowerCase() === 'sup' ? 'sup' : 'sub', text: raised ?? '' })
    else inlines.push({ kind: 'bold', text: bold ?? '' })
    from = match.index + whole.length
  }
  if (from < clean.length) inlines.push(clean.slice(from))
  return inlines
}
