import { expect, it } from 'vitest'
import { definitionsOf, newLibrary, sourceOf, withSource } from './library.ts'

it('carries a source there and back, whatever letters it has', () => {
  const library = newLibrary({ title: { de: 'Station 7', en: '' }, id: 'ward-7', url: 'https://example.org/Library/ward-7' })
  expect(sourceOf(library)).toContain('library Ward7 version')
  const text = 'define "Größe ≥ 2 m": true\n// 🩺'
  const changed = withSource({ ...library, content: [...(library.content ?? []), { contentType: 'application/elm+json', data: 'e30=' }] }, text)
  expect(sourceOf(changed)).toBe(text)
  expect(changed.content).toHaveLength(1)
  expect(sourceOf({ ...library, content: [] })).toBeNull()
})

it('finds definitions and no functions', () => {
  expect(definitionsOf('define A: 1\n  define "B c": A\ndefine private D: 2\ndefine function F(x Integer): x\ndefine fluent function G(x Integer): x')).toEqual(['A', '"B c"', 'D'])
})
