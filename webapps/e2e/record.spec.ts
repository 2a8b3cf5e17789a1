import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { baseURL as app } from './playwright.config.ts'
import { expect, looks, named, test, using } from './test.ts'
import { texts } from './texts.ts'

// A FHIR server that is slow, refuses, breaks off or dies: what was entered is kept,
// the page says what is wrong, and nothing is half shown as whole.

type Mood = 'well' | 'slow' | 'refuses' | 'breaks off' | 'errors'

const patient = 'example-cap-anaphylaxis'
const moods: Record<string, Mood> = {}
const names = ['hinders-slow', 'hinders-refuses', 'hinders-breaks', 'hinders-dies']
let record: Server | undefined

test.beforeAll(async ({ request }) => {
  test.setTimeout(120_000)
  record = createServer((from, to) => {
    const [, name = '', ...rest] = (from.url ?? '').split('/')
    const mood = moods[name] ?? 'well'
    if (mood === 'slow') return // never answers
    if (mood === 'refuses' || mood === 'errors') {
      to.writeHead(mood === 'refuses' ? 403 : 500, { 'Content-Type': 'application/fhir+json' }).end('{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}')
      return
    }
    const chunks: Buffer[] = []
    from.on('data', (chunk: Buffer) => chunks.push(chunk))
    from.on('end', () => {
      const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined
      const type = from.headers['content-type']
      void fetch(`${app}/${rest.join('/')}`, { method: from.method, body, headers: { Accept: 'application/fhir+json', ...(type ? { 'Content-Type': type } : {}) } })
        .then(async (answer) => {
          // What the server says of its own place leads back to it.
          const text = (await answer.text()).replaceAll(`${app}/fhir`, `http://${from.headers.host}/${name}/fhir`)
          to.writeHead(answer.status, { 'Content-Type': 'application/fhir+json', 'Content-Length': Buffer.byteLength(text) })
          if (mood === 'breaks off') to.write(text.slice(0, text.length / 2), () => to.destroy())
          else to.end(text)
        })
        .catch(() => to.destroy())
    })
  }).listen(0, '127.0.0.1')
  await expect(() => expect(record?.listening).toBe(true)).toPass()
  const { port } = record.address() as AddressInfo
  for (const name of names) {
    await request.delete(`/api/system/servers/${name}`)
    expect((await request.post('/api/system/servers', { data: { name, url: `http://127.0.0.1:${port}/${name}/fhir`, plainHttp: true, allow: ['127.0.0.0/8'] } })).ok(), name).toBe(true)
  }
  await expect(async () => {
    const { servers } = (await (await request.get('/api/servers')).json()) as { servers: string[] }
    expect(servers).toEqual(expect.arrayContaining(names))
  }).toPass({ timeout: 60_000 })
})

test.afterAll(async ({ request }) => {
  for (const name of names) await request.delete(`/api/system/servers/${name}`)
  record?.closeAllConnections()
  record?.close()
})

for (const look of looks) {
  test.describe(named(look), () => {
    test.use(using(look))
    const t = texts[look.lang].app
    const shared = texts[look.lang].shared

    for (const [name, mood, words] of [
      ['hinders-slow', 'slow', look.lang === 'de' ? 'in der verfügbaren Zeit' : 'in the time available'],
      ['hinders-refuses', 'refuses', look.lang === 'de' ? 'verweigert den Zugriff' : 'refuses access'],
      ['hinders-breaks', 'breaks off', look.lang === 'de' ? 'nicht erreichbar' : 'cannot be reached'],
    ] as const) {
      test(`a FHIR server that ${mood === 'slow' ? 'does not answer' : mood} is told as that, and what was typed stays`, async ({ page, guard }) => {
        guard.expectFailed(503)
        moods[name] = mood
        await page.goto('/case/new/patients')
        await page.getByLabel(t.patients.server).selectOption(name)
        await page.getByRole('radio', { name: t.patients.byId }).check()
        await page.getByLabel(t.patients.id).fill(patient)
        await page.getByRole('button', { name: t.patients.submit }).click()
        const alert = page.getByRole('alert')
        await expect(alert).toContainText(shared.fault.record, { timeout: 20_000 })
        await expect(alert).toContainText(words)
        await expect(page.getByText(t.patients.nobody)).toHaveCount(0)
        await expect(page.getByLabel(t.patients.id)).toHaveValue(patient)
        await guard.check(mood)
        // The same server, well again: the retry brings the patient. Requests may be held back for ten seconds first.
        moods[name] = 'well'
        await expect(async () => {
          const retry = page.getByRole('button', { name: shared.view.retry })
          if (await retry.isVisible()) await retry.click({ timeout: 1000 })
          await expect(page.getByRole('button', { name: new RegExp(patient) })).toBeVisible({ timeout: 2000 })
        }).toPass({ timeout: 40_000 })
      })
    }

    test('a FHIR server that dies between review and a change leaves no half answer', async ({ page, guard }) => {
      guard.expectFailed(503)
      const name = 'hinders-dies'
      moods[name] = 'well'
      await page.goto('/case/new/patients')
      await page.getByLabel(t.patients.server).selectOption(name)
      await page.getByRole('radio', { name: t.patients.byId }).check()
      await page.getByLabel(t.patients.id).fill(patient)
      await expect(async () => {
        await page.getByRole('button', { name: t.patients.submit }).click({ timeout: 1000 })
        await expect(page.getByRole('button', { name: new RegExp(patient) })).toBeVisible({ timeout: 3000 })
      }).toPass({ timeout: 40_000 })
      await page.getByRole('button', { name: new RegExp(patient) }).click()
      await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toBeVisible()
      moods[name] = 'errors'
      await page.getByText(t.review.change, { exact: true }).click()
      await page.getByLabel(t.request.severe, { exact: true }).click()
      await expect(page.getByRole('alert')).toContainText(shared.fault.record)
      await expect(page.getByRole('article')).toHaveCount(0)
      await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toHaveCount(0)
      await guard.check('dead')
      moods[name] = 'well'
      await expect(async () => {
        const retry = page.getByRole('button', { name: shared.view.retry })
        if (await retry.isVisible()) await retry.click({ timeout: 1000 })
        await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toBeVisible({ timeout: 3000 })
      }).toPass({ timeout: 40_000 })
      // The change that was made is in the answer.
      await expect(page.getByText(t.request.severe).first()).toBeVisible()
    })
  })
}
