/** A table of text: comment lines before the head, the head, and the rows. */
export type Csv = { comments: string[]; head: string[]; rows: string[][] }

/** Reads CSV with commas or semicolons and quoted cells; a byte order mark is no harm. */
export function readCsv(text: string): Csv {
  const plain = text.replace(/^\uFEFF/, '')
  const comments: string[] = []
  let rest = plain
  while (rest.startsWith('#')) {
    const end = rest.indexOf('\n')
    comments.push((end < 0 ? rest : rest.slice(0, end)).replace(/\r$/, ''))
    rest = end < 0 ? '' : rest.slice(end + 1)
  }
  const line = rest.split('\n', 1)[0] ?? ''
  const comma = line.split(';').length > line.split(',').length ? ';' : ','
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  for (let i = 0; i < rest.length; i++) {
    const c = rest[i]
    if (quoted) {
      if (c === '"' && rest[i + 1] === '"') {
        cell += '"'
        i++
      } else if (c === '"') quoted = false
      else cell += c
    } else if (c === '"') quoted = true
    else if (c === comma) {
      row.push(cell)
      cell = ''
    } else if (c === '\n') {
      rows.push([...row, cell])
      row = []
      cell = ''
    } else if (c !== '\r') cell += c
  }
  if (cell !== '' || row.length > 0) rows.push([...row, cell])
  const [head = [], ...body] = rows.filter((r) => r.length > 1 || r[0] !== '')
  return { comments, head, rows: body }
}

const written = (cell: string) => (/[",\n\r]/.test(cell) || cell.startsWith('#') ? `"${cell.replace(/"/g, '""')}"` : cell)

export function writeCsv({ comments, head, rows }: Csv): string {
  return [...comments, ...[head, ...rows].map((row) => row.map(written).join(','))].map((line) => `${line}\n`).join('')
}
