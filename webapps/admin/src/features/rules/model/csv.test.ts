import { expect, it } from 'vitest'
import { readCsv, writeCsv } from './csv.ts'

it('reads what it writes, comments, quotes and line breaks among it', () => {
  const text = '# one, "two"\nplan,note\na,"x, ""y""\nz"\nb,\n'
  expect(readCsv(text)).toEqual({ comments: ['# one, "two"'], head: ['plan', 'note'], rows: [['a', 'x, "y"\nz'], ['b', '']] })
  expect(writeCsv(readCsv(text))).toBe(text)
})

it('reads semicolons, a byte order mark, and the ends of lines of other systems', () => {
  expect(readCsv('\uFEFFplan;dose\r\na;0,5\r\n')).toEqual({ comments: [], head: ['plan', 'dose'], rows: [['a', '0,5']] })
})
