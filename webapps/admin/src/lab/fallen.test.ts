import { expect, it } from 'vitest'
import { fall } from './fallen.ts'
import type { QueryRun } from './types.ts'

const run = (ndcg: number) => ({ groups: { all: { ndcg } } }) as unknown as QueryRun

it('tells a set whose latest run found less than the one before', () => {
  expect(fall([run(0.6), run(0.8)])).toEqual({ before: 0.8, after: 0.6 })
  expect(fall([run(0.8), run(0.6)])).toBeNull()
  expect(fall([run(0.799), run(0.8)])).toBeNull()
  expect(fall([run(0.6)])).toBeNull()
})
