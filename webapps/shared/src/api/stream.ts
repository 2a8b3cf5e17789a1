import type { Path } from './contract.ts'
import { ApiError, errorFrom } from './error.ts'
import { loginAgain } from './login.ts'

export type StreamOptions = { body: unknown; signal?: AbortSignal; onEvent: (name: string, data: unknown) => void }

/**
 * Calls /api for a stream of server-sent events and gives the data of its `result`.
 * A stream that ends without one is a broken connection, whatever came before: nothing
 * of it may be taken for the whole.
 */
export async function stream<T>(path: Path, options: StreamOptions): Promise<T> {
  let response = await open(path, options)
  if (response.status === 401 && (await loginAgain())) response = await open(path, options)
  const requestId = response.headers.get('X-Request-Id') ?? ''
  if (!response.ok || !response.body) {
    throw errorFrom(response.status, await response.json().catch(() => null), requestId)
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      rest += value
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = eventOf(block)
        if (!event) continue
        if (event.name === 'error') throw errorFrom(statusOf(event.data), event.data, requestId)
        if (event.name === 'result') return event.data as T
        options.onEvent(event.name, event.data)
      }
    }
  } catch (cause) {
    throw cause instanceof ApiError ? cause : lost(cause)
  } finally {
    void reader.cancel().catch(() => undefined)
  }
  throw lost(null)
}

/** One event: its name and its data, null for a comment or what cannot be read. */
export function eventOf(block: string): { name: string; data: unknown } | null {
  let name = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim()
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
  }
  if (data.length === 0) return null
  try {
    return { name, data: JSON.parse(data.join('\n')) as unknown }
  } catch {
    return null
  }
}

const statusOf = (data: unknown) => {
  const status = typeof data === 'object' && data !== null ? (data as { status?: unknown }).status : undefined
  return typeof status === 'number' ? status : 500
}

async function open(path: Path, { body, signal }: StreamOptions): Promise<Response> {
  try {
    return await fetch(`/api${path}`, {
      method: 'POST',
      headers: { Accept: 'text/event-stream, application/problem+json', 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
      credentials: 'same-origin',
      cache: 'no-store',
    })
  } catch (cause) {
    throw lost(cause)
  }
}

function lost(cause: unknown): ApiError {
  const cancelled = cause instanceof DOMException && cause.name === 'AbortError'
  return new ApiError(cancelled ? 'cancelled' : 'offline', 0, '', [], '')
}
