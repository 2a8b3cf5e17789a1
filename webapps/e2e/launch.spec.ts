import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { baseURL as app } from './playwright.config.ts'
import { expect, looks, named, test, using, type Guard } from './test.ts'
import { texts } from './texts.ts'

// Ways to a case that begin elsewhere: an EHR that launches the app (played by
// `cdss demo-ehr`), a registered FHIR server, a system that hands a case over.

const binary = process.env.E2E_BINARY ?? join(import.meta.dirname, '..', '..', 'bin', 'cdss')
const patient = 'example-cap-anaphylaxis'

let ehr: ChildProcess | undefined
let base = ''

const free = () =>
  new Promise<number>((found) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => found(port))
    })
  })

test.beforeAll(async ({ request }) => {
  test.setTimeout(120_000)
  const port = await free()
  base = `http://localhost:${port}`
  ehr = spawn(binary, ['demo-ehr', '--addr', `127.0.0.1:${port}`, '--app', `${app}`, '--fhir', `${app}/fhir`, '--patients', patient], { stdio: 'ignore' })
  await expect(async () => expect((await fetch(`${base}/fhir/.well-known/smart-configuration`)).status).toBe(200)).toPass({ timeout: 60_000 })
  const servers = [
    { name: 'record', url: `${base}/fhir`, clientId: 'cdss', plainHttp: true, allow: ['127.0.0.0/8', '::1/128'] },
    { name: 'ward', url: `${app}/fhir`, plainHttp: true, allow: ['127.0.0.0/8'] },
  ]
  for (const server of servers) {
    await request.delete(`/api/system/servers/${server.name}`)
    expect((await request.post('/api/system/servers', { data: server })).ok(), server.name).toBe(true)
  }
  await expect(async () => expect(await (await request.get('/api/servers')).json()).toMatchObject({ servers: ['record', 'ward'], launchable: ['record'] })).toPass({ timeout: 60_000 })
})

test.afterAll(async ({ request }) => {
  for (const name of ['record', 'ward']) await request.delete(`/api/system/servers/${name}`)
  ehr?.kill('SIGTERM')
})

/** Nothing of the patient, of a launch or of a key may stay in the address, the title or the storage. */
async function leavesNoTrace(page: Page): Promise<void> {
  const traces = await page.evaluate(() => ({ address: location.href, title: document.title, local: Object.keys(localStorage), session: sessionStorage.length }))
  expect(new URL(traces.address).pathname).toMatch(/^\/case\/[0-9a-f]{12}(\/review)?$/)
  expect(new URL(traces.address).search + new URL(traces.address).hash).toBe('')
  expect(traces.title).not.toMatch(/\d|Beispiel|example-cap/)
  expect(traces.local.filter((key) => key !== 'cdss-language' && key !== 'cdss-theme')).toEqual([])
  expect(traces.session).toBe(0)
}

for (const look of looks) {
  test.describe(named(look), () => {
    test.use(using(look))
    const t = texts[look.lang].app
    const review = async (page: Page, guard: Guard) => {
      await expect(page.getByRole('heading', { level: 1, name: t.review.title })).toBeVisible()
      await expect(page.getByText(look.lang === 'de' ? /2,1\s*mg\/dL/ : /2\.1\s*mg\/dL/).first()).toBeVisible()
      await leavesNoTrace(page)
      await guard.check('review')
    }

    test('launched from the health record, down to the end of the connection', async ({ page, guard }) => {
      guard.allowOrigin(base)
      await page.goto(`/smart/launch?iss=${encodeURIComponent(`${base}/fhir`)}&launch=${patient}`)
      await review(page, guard)
      await expect(page.getByText(t.launch.by.replace('{{server}}', 'record'))).toBeVisible()
      await page.getByRole('link', { name: t.review.toResult }).click()
      await expect(page.getByRole('article').first()).toBeVisible()
      await leavesNoTrace(page)
      await page.getByRole('link', { name: t.result.toReview }).click()
      await page.getByRole('button', { name: t.launch.end }).click()
      await expect(page.getByRole('heading', { level: 1, name: t.start.title })).toBeVisible()
      expect((await page.request.get('/api/launch')).status()).toBe(404)
    })

    test('standalone: the patient is chosen in the health record', async ({ page, guard }) => {
      guard.allowOrigin(base)
      // The page of the demonstration's health record has no icon.
      guard.expectFailed(404)
      await page.goto('/')
      await page.getByRole('link', { name: t.start.patients }).click()
      // The other one does not know this app.
      await expect(page.getByRole('link', { name: 'record' })).toBeVisible()
      await expect(page.getByRole('link', { name: 'ward' })).toHaveCount(0)
      await page.getByRole('link', { name: 'record' }).click()
      await page.getByRole('link', { name: patient }).click()
      await review(page, guard)
    })

    test('a launch that ends while a case is open: said, and begun again', async ({ page, guard }) => {
      guard.allowOrigin(base)
      guard.expectFailed(404)
      guard.expectFailed(503)
      await page.goto(`/smart/launch?iss=${encodeURIComponent(`${base}/fhir`)}&launch=${patient}`)
      await review(page, guard)
      await page.context().clearCookies({ name: /cdss_launch$/ })
      await page.getByText(t.review.change, { exact: true }).click()
      await page.getByLabel(t.request.severe, { exact: true }).click()
      const alert = page.getByRole('alert')
      await expect(alert).toContainText(texts[look.lang].shared.fault.record)
      await expect(alert).toContainText(t.launch.over)
      await guard.check('over')
      await alert.getByRole('link', { name: t.launch.again }).click()
      await page.getByRole('link', { name: patient }).click()
      await review(page, guard)
    })

    test('a launch that fails says why and what to do', async ({ page, guard }) => {
      guard.expectFailed(404)
      for (const outcome of ['unknown-server', 'unreachable', 'refused', 'stale', 'no-patient'] as const) {
        await page.goto(`/case/new/launch?outcome=${outcome}`)
        await expect(page.getByRole('alert')).toContainText(t.launch.outcome[outcome].title)
      }
      await guard.check('failed')
      await page.goto('/case/new/launch?outcome=whatever')
      await expect(page.getByRole('alert')).toContainText(t.launch.outcome.failed.title)
      await page.goto('/smart/launch?iss=https%3A%2F%2Fnowhere.example%2Ffhir')
      await expect(page.getByRole('alert')).toContainText(t.launch.outcome['unknown-server'].title)
    })

    test('a patient searched by name and birth date, with a value added by hand', async ({ page, guard }) => {
      // The examples stay as old as they are, so their birth dates move with the day.
      const { birthDate } = (await (await page.request.get(`/fhir/Patient/${patient}`)).json()) as { birthDate: string }
      await page.goto('/case/new/patients')
      await page.getByLabel(t.patients.server).selectOption('ward')
      await page.getByRole('button', { name: t.patients.submit }).click()
      await expect(page.getByText(t.patients.needed).first()).toBeVisible()
      await page.getByLabel(t.patients.name, { exact: true }).fill('Beispiel')
      await page.getByLabel(t.patients.birthDate, { exact: true }).fill(birthDate)
      await page.getByRole('button', { name: t.patients.submit }).click()
      const found = page.getByRole('button', { name: new RegExp(patient) })
      await expect(found).toBeVisible()
      await guard.check('found')
      expect(new URL(page.url()).search).toBe('')
      await found.click()
      await review(page, guard)
      await page.getByRole('link', { name: t.review.toResult }).click()
      await page.getByText(t.whatIf.title).click()
      await page.getByLabel(t.form.creatinine, { exact: true }).fill(look.lang === 'de' ? '0,8' : '0.8')
      const outcome = page.getByRole('region', { name: t.whatIf.outcome })
      await expect(outcome.getByText(/cefotaxim/i).first()).toBeVisible()
      await guard.check('what if')
      // The case itself is as it was.
      await expect(page.getByText(look.lang === 'de' ? /2,1\s*mg\/dL/ : /2\.1\s*mg\/dL/).first()).toBeVisible()
    })

    test('a patient found by id, nobody found by id, and a server that refuses', async ({ page, guard }) => {
      guard.expectFailed(503)
      await page.goto('/case/new/patients')
      await page.getByLabel(t.patients.server).selectOption('ward')
      await page.getByRole('radio', { name: t.patients.byId }).check()
      await page.getByLabel(t.patients.id).fill('nobody-here')
      await page.getByRole('button', { name: t.patients.submit }).click()
      await expect(page.getByText(t.patients.nobody)).toBeVisible()
      await page.getByLabel(t.patients.id).fill(patient)
      await page.getByRole('button', { name: t.patients.submit }).click()
      await page.getByRole('button', { name: new RegExp(patient) }).click()
      await review(page, guard)
      await page.goBack()
      await page.getByRole('radio', { name: t.patients.byId }).check()
      await page.getByLabel(t.patients.id).fill('nobody-here')
      await page.getByLabel(t.patients.server).selectOption('record')
      await page.getByRole('button', { name: t.patients.submit }).click()
      await expect(page.getByRole('alert')).toBeVisible()
      await expect(page.getByLabel(t.patients.id)).toHaveValue('nobody-here')
      await guard.check('refused')
    })

    test('a case that another system hands over opens once', async ({ page, guard, request }) => {
      guard.expectFailed(404)
      const bundle: unknown = await (await request.get('/api/examples/cap-penicillin-anaphylaxis')).json()
      const response = await request.post('/handover', { data: { bundle, request: { maxOptions: 3 } } })
      expect(response.status()).toBe(201)
      const { url } = (await response.json()) as { url: string }
      await page.goto(url)
      await review(page, guard)
      await page.goto('/')
      await page.goto(url)
      await expect(page.getByText(t.handover.gone)).toBeVisible()
      expect(page.url()).not.toContain('#')
      await guard.check('gone')
    })
  })
}
