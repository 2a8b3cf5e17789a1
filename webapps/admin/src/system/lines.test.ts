import { expect, it } from 'vitest'
import { linesOf, textOf } from './lines.ts'

it('takes one entry per line, parted by commas too, and no empty ones', () => {
  expect(linesOf(' https://a.example \n\n10.0.0.0/8, 10.1.0.0/16,\r\n')).toEqual(['https://a.example', '10.0.0.0/8', '10.1.0.0/16'])
  expect(linesOf('')).toEqual([])
  expect(linesOf(textOf(['a', 'b']))).toEqual(['a', 'b'])
})
