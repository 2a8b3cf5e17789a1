import type { Guideline } from '@cdss/shared/api/types.ts'
import { expect, it } from 'vitest'
import { concern } from './concern.ts'

const now = new Date('2026-01-01T12:00:00Z')
const version = (patch: Partial<Guideline>) =>
  ({ status: 'active', complete: true, expired: false, validUntil: null, flagged: 0, job: null, ...patch }) as Guideline

it('tells what wants attention', () => {
  expect(concern(version({}), now)).toEqual([])
  expect(concern(version({ validUntil: '2026-03-31' }), now)).toEqual(['expiring'])
  expect(concern(version({ validUntil: '2026-04-30' }), now)).toEqual([])
  expect(concern(version({ validUntil: '2025-03-31', expired: true }), now)).toEqual(['expired'])
  expect(concern(version({ status: 'draft', flagged: 2 }), now)).toEqual(['review', 'flagged'])
  expect(concern(version({ status: 'retired', validUntil: '2026-01-31', flagged: 1 }), now)).toEqual([])
})
