import { afterEach, expect, it, vi } from 'vitest'
import { call } from './call.ts'

afterEach(() => {
  globalThis.early = undefined
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const answer = (of: string) => Promise.resolve(new Response(JSON.stringify({ of }), { headers: { 'Content-Type': 'application/json' } }))

it('takes what the page asked for at its start, once', async () => {
  const fetch = vi.fn(() => answer('network'))
  vi.stubGlobal('fetch', fetch)
  vi.spyOn(performance, 'now').mockReturnValue(900)
  globalThis.early = { '/status': answer('page') }
  expect(await call('/status')).toEqual({ of: 'page' })
  expect(fetch).not.toHaveBeenCalled()
  expect(await call('/status')).toEqual({ of: 'network' })
})

it('does not believe it later, nor for anything that changes something', async () => {
  vi.stubGlobal('fetch', () => answer('network'))
  vi.spyOn(performance, 'now').mockReturnValue(60_000)
  globalThis.early = { '/status': answer('page') }
  expect(await call('/status')).toEqual({ of: 'network' })
  vi.spyOn(performance, 'now').mockReturnValue(900)
  globalThis.early = { '/session': answer('page') }
  expect(await call('/session', { method: 'DELETE' })).toEqual({ of: 'network' })
})
