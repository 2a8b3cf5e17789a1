import type { Path } from './contract.ts'
import { takeEarly } from './early.ts'
import { ApiError, errorFrom } from './error.ts'
import { loginAgain } from './login.ts'

type CallOptions = {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Sent as JSON; a file as it is. */
  body?: unknown
  signal?: AbortSignal
  /** Number of the version that is to be changed: the server refuses when it is another one by now. */
  version?: number
}

/** Calls /api and gives the JSON of the answer, undefined for an empty one. */
export async function call<T>(path: Path, options: CallOptions = {}): Promise<T> {
  const { status, text, requestId } = await again(path, () => send(path, options))
  return read<T>(status, text, requestId)
}

/** Calls /api for a file: the text of the answer as it is. */
export async function callText(path: Path, options: CallOptions = {}): Promise<string> {
  const { status, text, requestId } = await again(path, () => send(path, options))
  if (status >= 400) read(status, text, requestId)
  return text
}

type Answer = { status: number; text: string; requestId: string }

/** Sends once more after a new login, where the one before was over. The login itself is never asked twice. */
async function again(path: string, attempt: () => Promise<Answer>): Promise<Answer> {
  const answer = await attempt()
  if (answer.status !== 401 || /^\/session\b/.test(path) || !(await loginAgain())) return answer
  return attempt()
}

async function send(path: Path, options: CallOptions): Promise<Answer> {
  const headers: Record<string, string> = { Accept: 'application/json, application/problem+json' }
  let body: string | Blob | undefined
  if (options.body instanceof Blob) {
    headers['Content-Type'] = options.body.type || 'application/octet-stream'
    body = options.body
  } else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(options.body)
  }
  if (options.version !== undefined) headers['If-Match'] = `W/"${options.version}"`
  let response: Response
  try {
    const early = (options.method ?? 'GET') === 'GET' ? takeEarly(path) : undefined
    response = await (early ??
      fetch(`/api${path}`, {
        method: options.method ?? 'GET',
        headers,
        body,
        signal: options.signal,
        credentials: 'same-origin',
        cache: 'no-store',
      }))
  } catch (cause) {
    throw lost(cause)
  }
  const requestId = response.headers.get('X-Request-Id') ?? ''
  let text: string
  try {
    text = await response.text()
  } catch (cause) {
    // The connection broke in mid-answer: nothing of it is used.
    throw lost(cause)
  }
  return { status: response.status, text, requestId }
}

function lost(cause: unknown): ApiError {
  const cancelled = cause instanceof DOMException && cause.name === 'AbortError'
  return new ApiError(cancelled ? 'cancelled' : 'offline', 0, '', [], '')
}

function read<T>(status: number, text: string, requestId: string): T {
  let body: unknown
  if (text !== '') {
    try {
      body = JSON.parse(text)
    } catch {
      if (status < 400) throw new ApiError('server', status, '', [], requestId)
    }
  }
  if (status >= 400) throw errorFrom(status, body, requestId)
  return body as T
}

/**
 * Posts a form with a file and tells how much of it is sent, from 0 to 1, which
 * fetch cannot.
 */
export async function upload<T>(path: Path, form: FormData, progress: (sent: number) => void, signal?: AbortSignal): Promise<T> {
  const { status, text, requestId } = await again(path, () => sendForm(path, form, progress, signal))
  return read<T>(status, text, requestId)
}

function sendForm(path: Path, form: FormData, progress: (sent: number) => void, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', `/api${path}`)
    xhr.setRequestHeader('Accept', 'application/json, application/problem+json')
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total)
    }
    xhr.onload = () => resolve({ status: xhr.status, text: xhr.responseText, requestId: xhr.getResponseHeader('X-Request-Id') ?? '' })
    xhr.onerror = () => reject(new ApiError('offline', 0, '', [], ''))
    xhr.onabort = () => reject(new ApiError('cancelled', 0, '', [], ''))
    signal?.addEventListener('abort', () => xhr.abort())
    xhr.send(form)
  })
}
