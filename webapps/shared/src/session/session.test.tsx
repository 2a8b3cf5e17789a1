import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { call } from '../api/call.ts'
import { en } from '../i18n/en.ts'
import { startTexts } from '../i18n/i18n.ts'
import { Gate } from './Gate.tsx'
import type { Session } from './types.ts'

// A server with one person, as far as the login goes.
const clara = { id: 'clara', name: 'Clara Clinician', roles: ['clinician' as const], permissions: ['cases:write'] }
let loggedIn: boolean
let sent: string[]

function server(path: string, init: RequestInit): Response {
  const body = init.body ? (JSON.parse(String(init.body)) as Record<string, string>) : {}
  const json = (status: number, value: unknown) => new Response(JSON.stringify(value), { status })
  const session = (): Session => ({ mode: 'required', person: loggedIn ? clara : null, ways: [{ kind: 'passphrase' }] })
  sent.push(`${init.method} ${path}`)
  if (path === '/api/session' && init.method === 'POST') {
    if (body.name !== 'clara' || body.passphrase !== 'four words are enough') return json(401, { title: 'Unauthorized', status: 401, detail: 'name and passphrase do not fit' })
    loggedIn = true
    return json(200, session())
  }
  if (path === '/api/session') return json(200, session())
  return loggedIn ? json(200, { ok: path }) : json(401, { title: 'Unauthorized', status: 401 })
}

function show() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  render(
    <MantineProvider>
      <QueryClientProvider client={client}>
        <Gate>
          <input data-testid="draft" />
        </Gate>
      </QueryClientProvider>
    </MantineProvider>,
  )
}

async function logIn(name: string, passphrase: string) {
  fireEvent.change(await screen.findByLabelText(en.session.name), { target: { value: name } })
  fireEvent.change(screen.getByLabelText(en.session.passphrase), { target: { value: passphrase } })
  fireEvent.click(screen.getByRole('button', { name: en.session.submit }))
}

beforeAll(() => {
  // The test's browser lacks it.
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true
  }
  window.scrollTo = () => undefined
  startTexts({ de: { product: 'x' }, en: { product: 'x' } }, 'en')
})
beforeEach(() => {
  loggedIn = false
  sent = []
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => server(path, init))
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

describe('the gate', () => {
  it('shows nothing of the page before the login, and the page after it', async () => {
    show()
    await logIn('clara', 'four words are enough')
    expect(await screen.findByTestId('draft')).toBeTruthy()
    expect(screen.queryByLabelText(en.session.passphrase)).toBeNull()
  })

  it('has the same words for a wrong passphrase and for nobody, and keeps the name', async () => {
    show()
    await logIn('clara', 'wrong')
    const known = (await screen.findByRole('alert')).textContent
    expect(screen.getByLabelText<HTMLInputElement>(en.session.passphrase).value).toBe('')
    expect(screen.getByLabelText<HTMLInputElement>(en.session.name).value).toBe('clara')
    cleanup()
    show()
    await logIn('nobody', 'wrong')
    expect((await screen.findByRole('alert')).textContent).toBe(known)
    expect(known).toContain(en.session.wrong)
  })

  it('asks again over the page when the login has ended, keeps what was typed, and repeats the call once', async () => {
    loggedIn = true
    show()
    fireEvent.change(await screen.findByTestId('draft'), { target: { value: 'half a sentence' } })
    loggedIn = false
    sent = []
    let answer: unknown
    act(() => {
      void call('/status').then((value) => (answer = value))
    })
    expect(await screen.findByText(en.session.ended)).toBeTruthy()
    expect(screen.getByTestId<HTMLInputElement>('draft').value).toBe('half a sentence')
    await logIn('clara', 'four words are enough')
    await vi.waitFor(() => expect(answer).toEqual({ ok: '/api/status' }))
    expect(sent.filter((line) => line === 'GET /api/status')).toHaveLength(2)
    expect(screen.getByTestId<HTMLInputElement>('draft').value).toBe('half a sentence')
    expect(screen.queryByText(en.session.ended)).toBeNull()
  })
})
