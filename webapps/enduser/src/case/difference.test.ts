import type { Ingredient, Option, Recommendation, Warning } from '@cdss/shared/api/types.ts'
import { expect, it } from 'vitest'
import { differenceOf, isEmpty } from './difference.ts'

const option = (name: string, value: number, rank = 1): Option =>
  ({
    rank,
    recommended: rank === 1,
    ingredients: [{ atc: name, name, route: 'iv', dose: { value, unit: 'g', parts: null }, adjustments: [] } as unknown as Ingredient],
  }) as Option

const answer = (patch: Partial<Recommendation>): Recommendation =>
  ({ options: [], excluded: [], warnings: [], knowledge: [], severity: null, ...patch }) as unknown as Recommendation

it('tells new, gone and changed options apart', () => {
  const d = differenceOf(answer({ options: [option('a', 1), option('b', 2, 2)] }), answer({ options: [option('a', 0.5), option('c', 2, 2)] }))
  expect(d.options.map((o) => [o.kind, o.name])).toEqual([
    ['changed', 'a'],
    ['new', 'c'],
    ['gone', 'b'],
  ])
  expect(d.options[0]).toMatchObject({ dose: true, rank: false })
})

it('finds nothing between equal answers', () => {
  const r = answer({ options: [option('a', 1)], knowledge: [{ url: 'u', version: '1' }] })
  expect(isEmpty(differenceOf(r, structuredClone(r)))).toBe(true)
})

it('heeds no order of members, which a store may change', () => {
  const turned = option('a', 1)
  turned.ingredients = turned.ingredients.map((i) => ({ ...i, dose: { parts: null, unit: 'g', value: 1 } }))
  expect(isEmpty(differenceOf(answer({ options: [option('a', 1)] }), answer({ options: [turned] })))).toBe(true)
})

it('names what is excluded and warned of anew, and rules that moved on', () => {
  const warning: Warning = { code: 'w', indicator: 'warning', summary: 'kidney', detail: '', citations: [] }
  const d = differenceOf(
    answer({ knowledge: [{ url: 'u', version: '1' }] }),
    answer({ warnings: [warning], knowledge: [{ url: 'u', version: '2' }], excluded: [{ atc: 'x', name: 'X', reason: 'renal', detail: '', citations: [] }] }),
  )
  expect(d.warnings.added).toEqual(['kidney'])
  expect(d.excluded.added).toEqual(['X'])
  expect(d.knowledge).toEqual([{ url: 'u', before: '1', after: '2' }])
})
