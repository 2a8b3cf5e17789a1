import { afterEach, describe, expect, it, vi } from 'vitest'
import { call } from './call.ts'
import { ApiError } from './error.ts'

afterEach(() => vi.unstubAllGlobals())

const answer = (response: () => Promise<Response>) => vi.stubGlobal('fetch', vi.fn(response))

describe('call', () => {
  it('gives the JSON of the answer', async () => {
    answer(async () => new Response('{"a":1}', { status: 200 }))
    await expect(call('/status')).resolves.toEqual({ a: 1 })
  })

  it('gives nothing for an empty answer', async () => {
    answer(async () => new Response(null, { status: 204 }))
    await expect(call('/status', { method: 'DELETE' })).resolves.toBeUndefined()
  })

  it('tells an unreachable server from a cancelled call', async () => {
    answer(async () => Promise.reject(new TypeError('failed')))
    await expect(call('/status')).rejects.toMatchObject({ fault: 'offline' })
    answer(async () => Promise.reject(new DOMException('stop', 'AbortError')))
    await expect(call('/status')).rejects.toMatchObject({ fault: 'cancelled' })
  })

  it('uses nothing of an answer that is cut short', async () => {
    answer(async () => new Response('{"options":[{"rank":1', { status: 200 }))
    await expect(call('/status')).rejects.toBeInstanceOf(ApiError)
  })

  it('carries the number of the request', async () => {
    answer(async () => new Response('{"title":"gone"}', { status: 404, headers: { 'X-Request-Id': 'abc' } }))
    await expect(call('/status')).rejects.toMatchObject({ fault: 'not-found', requestId: 'abc', title: 'gone' })
  })
})
