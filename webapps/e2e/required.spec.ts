import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from './origin'

// A server that requires a token, as every server does that can be reached from
// elsewhere, called by a page whose origin a client is registered with.

const binary = process.env.E2E_BINARY ?? join(import.meta.dirname, '..', '..', 'bin', 'cdss')
const issuer = 'https://browser.example'
const subtle = crypto.subtle

let base = ''
let server: ChildProcess | undefined
let directory = ''
let keys: CryptoKeyPair

const free = () =>
  new Promise<number>((found) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => found(port))
    })
  })

const encoded = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url')

/** Signs a token for one address, as a registered client does. */
async function token(audience: string, change: object = {}): Promise<string> {
  const now = Math.round(Date.now() / 1000)
  const header = { alg: 'ES384', typ: 'JWT', kid: 'k' }
  const payload = { iss: issuer, aud: audience, exp: now + 300, iat: now, jti: crypto.randomUUID(), ...change }
  const text = `${encoded(JSON.stringify(header))}.${encoded(JSON.stringify(payload))}`
  const signature = await subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, keys.privateKey, new TextEncoder().encode(text))
  return `${text}.${encoded(new Uint8Array(signature))}`
}

test.describe('a server that requires a token', () => {
  test.beforeAll(async ({ pages }) => {
    test.setTimeout(180_000)
    directory = mkdtempSync(join(tmpdir(), 'cdss-e2e-required-'))
    base = `http://127.0.0.1:${await free()}`
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CDSS_|E2E_|DATABASE_URL|PORT$|API_)/.test(name)))
    const environment = {
      ...own,
      CDSS_AUTH: 'required',
      CDSS_DEMO: '1',
      CDSS_PUBLIC_URL: base,
      CDSS_DATA_DIR: directory,
      CDSS_ADDR: base.replace('http://', ''),
      CDSS_METRICS_ADDR: `127.0.0.1:${await free()}`,
      LOG_LEVEL: 'error',
    }
    server = spawn(binary, ['serve'], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] })
    await expect(async () => expect((await fetch(`${base}/readyz`)).status).toBe(200)).toPass({ timeout: 120_000 })
    keys = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify'])
    const jwk = { ...(await subtle.exportKey('jwk', keys.publicKey)), kid: 'k', alg: 'ES384', use: 'sig' }
    const file = join(directory, 'jwks.json')
    writeFileSync(file, JSON.stringify({ keys: [jwk] }))
    const registration = ['client', 'add', 'browser', '--issuer', issuer, '--jwks', file, '--algorithm', 'ES384', '--language', 'en']
    execFileSync(binary, [...registration, '--origin', pages.origin, '--plain-http'], { env: environment })
    // A running server notices within seconds.
    await expect(async () => {
      const preflight = await fetch(`${base}/cds-services/abs-order-sign`, { method: 'OPTIONS', headers: { Origin: pages.origin } })
      expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe(pages.origin)
    }).toPass({ timeout: 15_000 })
  })

  test.afterAll(async () => {
    const ended = new Promise((done) => server?.on('exit', done))
    server?.kill('SIGINT')
    await ended
    rmSync(directory, { recursive: true, force: true })
  })

  test('a page of the registered origin discovers, calls, gets cards and sends feedback', async ({ page, pages, request }) => {
    const hook = (await (await request.get('/api/examples/cap-penicillin-anaphylaxis/hook?hook=order-sign')).json()) as object
    const path = `${base}/cds-services/abs-order-sign`
    await page.goto(`${pages.origin}/favicon.ico`)
    const tokens = [await token(`${base}/cds-services`), await token(path), await token(`${path}/feedback`)]
    const seen = await page.evaluate(
      async ([services, service, hook, tokens]) => {
        const json = { 'Content-Type': 'application/json' }
        const bearer = (n: number) => ({ Authorization: `Bearer ${tokens[n]}` })
        const discovery = (await (await fetch(services, { headers: bearer(0) })).json()) as { services: object[] }
        const unproven = await fetch(service, { method: 'POST', headers: json, body: JSON.stringify(hook) })
        const call = await fetch(service, { method: 'POST', headers: { ...json, ...bearer(1) }, body: JSON.stringify(hook) })
        const again = await fetch(service, { method: 'POST', headers: { ...json, ...bearer(1) }, body: JSON.stringify(hook) })
        const { cards } = (await call.json()) as { cards: { uuid: string; indicator: string; summary: string }[] }
        const outcome = { card: cards[0]?.uuid, outcome: 'overridden', overrideReason: { userComment: 'seen' }, outcomeTimestamp: new Date().toISOString() }
        const feedback = await fetch(`${service}/feedback`, { method: 'POST', headers: { ...json, ...bearer(2) }, body: JSON.stringify({ feedback: [outcome] }) })
        return {
          services: discovery.services.length,
          statuses: [unproven.status, call.status, again.status, feedback.status],
          refusal: await unproven.text(),
          card: cards[0],
        }
      },
      [`${base}/cds-services`, path, hook, tokens] as const,
    )
    expect(seen.services).toBeGreaterThan(2)
    // Without a token and with one that was used before the page reads a 401, without a reason.
    expect(seen.statuses).toEqual([401, 200, 401, 200])
    expect(seen.refusal).toBe('')
    expect(seen.card).toMatchObject({ indicator: 'critical', summary: expect.stringContaining('allergy') })
  })

  test('a page of another origin can read nothing, whatever token it has', async ({ page }) => {
    const elsewhere = createServer((_, response) => response.end('elsewhere'))
    await new Promise<void>((listening) => elsewhere.listen(0, '127.0.0.1', listening))
    await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`)
    const path = `${base}/cds-services/abs-order-sign`
    const refused = await page.evaluate(
      async ([path, token]) => {
        const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
        return Promise.all([
          fetch(path, { method: 'POST', headers, body: '{}' }).then((r) => r.status, (e: Error) => e.name),
          fetch(path.replace('/abs-order-sign', '')).then((r) => r.status, (e: Error) => e.name),
        ])
      },
      [path, await token(path)] as const,
    )
    expect(refused).toEqual(['TypeError', 'TypeError'])
    await new Promise((closed) => elsewhere.close(closed))
  })

  test('people are not let in where nobody has logged in', async ({ request }) => {
    expect((await request.get(`${base}/api/guidelines`)).status()).toBe(401)
    expect((await request.get(`${base}/fhir/Patient`)).status()).toBe(401)
    expect((await request.get(`${base}/livez`)).status()).toBe(200)
  })
})
