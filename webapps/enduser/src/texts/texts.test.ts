import { differences } from '@cdss/shared/i18n/differences.ts'
import { expect, it } from 'vitest'
import { de } from './de.ts'
import { en } from './en.ts'

it('finds every text in both languages', () => {
  expect(differences(de, en)).toEqual([])
})
