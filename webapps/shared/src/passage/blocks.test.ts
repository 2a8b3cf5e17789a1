import { describe, expect, it } from 'vitest'
import { blocksOf, type Block, type Inline } from './blocks.ts'

const words = (parts: Inline[]) => parts.map((p) => (typeof p === 'string' ? p : `${p.kind}(${p.text})`)).join('')
const shape = (blocks: Block[]) =>
  blocks.map((b) => (b.kind === 'table' ? b.rows.map((r) => r.map((c) => c.lines.map(words).join('/'))) : `${b.kind}: ${words(b.inlines)}`))

describe('blocksOf', () => {
  it.each([
    '3*500 mg bis 2*1 g',
    '2018. Der Satz beginnt mit einer Zahl',
    '+/- Makrolid für 3 Tage*',
    'GFR <30 und >10 ml/min, p<0,05',
    '~5 Tage, 1~2 g',
    '_Enterococcus_ a_b_c',
    '- 2 g\n- 4 g',
  ])('shows %j as it stands', (text) => {
    expect(shape(blocksOf(text))).toEqual([`text: ${text}`])
  })

  it('keeps raised digits raised', () => {
    expect(shape(blocksOf('10<sup>9</sup>/L'))).toEqual(['text: 10sup(9)/L'])
  })

  it('takes bold only at the edges of words', () => {
    expect(shape(blocksOf('ein **Satz** und 2**3**4'))).toEqual(['text: ein bold(Satz) und 2**3**4'])
  })

  it('lays out headings, paragraphs and pipe tables', () => {
    expect(shape(blocksOf('# Kopf\n\nText\n\n| A | B |\n|---|---|\n| 1* | 2 |\n\n* Note'))).toEqual([
      'heading: Kopf',
      'text: Text',
      [
        ['A', 'B'],
        ['1*', '2'],
      ],
      'text: * Note',
    ])
  })

  it('reads an HTML table with its text around', () => {
    const html = 'Vor <table><tbody><tr><th>A</th></tr><tr><td rowspan="2">3x 2,2 g<br>oder 1<sup>*</sup></td></tr></tbody></table> nach'
    const blocks = blocksOf(html)
    expect(shape(blocks)).toEqual(['text: Vor', [['A'], ['3x 2,2 g/oder 1sup(*)']], 'text: nach'])
    const table = blocks[1]
    expect(table?.kind === 'table' && table.rows[0]?.[0]?.header).toBe(true)
    expect(table?.kind === 'table' && table.rows[1]?.[0]?.rowSpan).toBe(2)
  })

  it('reads rows cut out of a table', () => {
    expect(shape(blocksOf('<tr><td>Ceftriaxon</td><td>1x 2 g</td></tr>'))).toEqual([[['Ceftriaxon', '1x 2 g']]])
  })

  it('lays out rows whose cells are apart by tabs, empty cells included', () => {
    expect(shape(blocksOf('Tabelle 1\n\nMittel\tDosis\tDauer\nA\t3x 2,2 g\t\nB\t\t5 Tage\n* Note'))).toEqual([
      'text: Tabelle 1',
      [
        ['Mittel', 'Dosis', 'Dauer'],
        ['A', '3x 2,2 g', ''],
        ['B', '', '5 Tage'],
      ],
      'text: * Note',
    ])
  })

  it('runs and keeps nothing of scripts', () => {
    const text = JSON.stringify(blocksOf('<table><tr><td onclick="x()">a<script>alert(1)</script><img src=x onerror=y></td></tr></table>'))
    expect(text).not.toMatch(/alert|onclick|onerror|img/)
    expect(text).toContain('"a"')
  })
})
