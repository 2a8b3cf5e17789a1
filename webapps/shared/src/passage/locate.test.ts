import { describe, expect, it } from 'vitest'
import { locate } from './locate.ts'

describe('locate', () => {
  const page = 'Erster Satz.\nZweiter  Satz mit\n5 mg.\nDritter Satz.'

  it('finds a passage whatever its white space', () => {
    const span = locate(page, ' Zweiter Satz mit 5 mg. ')
    expect(span && page.slice(span.start, span.end)).toBe('Zweiter  Satz mit\n5 mg.')
  })

  it.each([
    ['other words', 'Zweiter Satz mit 25 mg.'],
    ['nothing', '   '],
    ['a passage that stands there twice', 'Satz'],
  ])('marks nothing for %s', (_, quoted) => {
    expect(locate(page, quoted)).toBeNull()
  })
})
