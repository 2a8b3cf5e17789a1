import { afterEach, expect, it, vi } from 'vitest'
import { eventOf, stream } from './stream.ts'

afterEach(() => vi.unstubAllGlobals())

const serve = (text: string) => vi.stubGlobal('fetch', () => Promise.resolve(new Response(text, { status: 200 })))

it('gives the result and tells of what came before', async () => {
  const seen: string[] = []
  serve('event: progress\ndata: {"step":"facts"}\n\n: waiting\n\nevent: result\ndata: {"id":"x"}\n\n')
  const result = await stream<{ id: string }>('/recommendations', { body: {}, onEvent: (name) => seen.push(name) })
  expect(result).toEqual({ id: 'x' })
  expect(seen).toEqual(['progress'])
})

it('takes a stream without a result for a broken connection', async () => {
  serve('event: options\ndata: [1]\n\nevent: result\ndata: {"id":')
  await expect(stream('/recommendations', { body: {}, onEvent: () => undefined })).rejects.toMatchObject({ fault: 'offline' })
})

it('gives the error of an error event', async () => {
  serve('event: error\ndata: {"status":503,"title":"not now"}\n\n')
  await expect(stream('/recommendations', { body: {}, onEvent: () => undefined })).rejects.toMatchObject({ fault: 'busy', title: 'not now' })
})

it('reads no event in a comment', () => expect(eventOf(': waiting')).toBeNull())
