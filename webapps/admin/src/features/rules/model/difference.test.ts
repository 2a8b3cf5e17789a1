import { expect, it } from 'vitest'
import { differenceOf } from './difference.ts'

it('tells places and both texts, and leaves out what the server writes', () => {
  const before = { meta: { versionId: '1' }, title: 'A', action: [{ id: 'x', priority: 'urgent' }] }
  const after = { meta: { versionId: '2' }, title: 'B', action: [{ id: 'x' }, { id: 'y' }] }
  expect(differenceOf(before, after)).toEqual([
    { path: 'title', kind: 'changed', before: 'A', after: 'B' },
    { path: 'action[0].priority', kind: 'removed', before: 'urgent', after: undefined },
    { path: 'action[1]', kind: 'added', before: undefined, after: { id: 'y' } },
  ])
})
