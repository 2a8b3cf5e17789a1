import { expect, it } from 'vitest'
import { de } from './de.ts'
import { differences } from './differences.ts'
import { en } from './en.ts'

it('names what differs', () => {
  expect(differences({ a: 'x', b: { c: '{{n}} y' }, d: 'only' }, { a: 'x', b: { c: '{{m}} y' }, e: ' ' })).toEqual(['b.c', 'd', 'e'])
})

it('finds every shared text in both languages', () => {
  expect(differences(de, en)).toEqual([])
})
