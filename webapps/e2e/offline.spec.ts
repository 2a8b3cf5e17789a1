import type { Page } from '@playwright/test'
import { logOut, throughProvider } from './login.ts'
import { requiredURL } from './playwright.config.ts'
import { expect, looks, named, test, using } from './test.ts'
import { texts } from './texts.ts'

// Installed, and without network: guidelines that the device kept, and nothing else.

/** What the browser keeps of this server, by address. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const names = await caches.keys()
    return (await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).map((r) => r.url.slice(location.origin.length))))).flat()
  })

/** The demonstration guidelines are there, and the worker serves the page. */
async function ready(page: Page): Promise<void> {
  await expect(async () => expect(await (await page.request.get('/api/guidelines')).text()).toMatch(/"status":"active".*"status":"active"/)).toPass({ timeout: 40_000 })
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
}

for (const look of looks) {
  test.describe(`without network ${named(look)}`, () => {
    test.use({ ...using(look), serviceWorkers: 'allow' })
    const t = texts[look.lang].app
    const shared = texts[look.lang].shared
    const guideline = look.lang === 'de' ? /Demo-Hausleitlinie/ : /Demo house guideline/

    test('a guideline that was kept can be read, and nothing else is there', async ({ page, context, guard }) => {
      guard.expectFailed('network')
      await page.goto('/')
      await ready(page)
      // A case of a patient before: none of it may stay.
      await page.getByRole('button', { name: /[Pp]enicillin/ }).click()
      await page.getByRole('link', { name: t.review.toResult }).click()
      await expect(page.getByRole('article').first()).toBeVisible()
      await page.goto('/guidelines')
      await page.getByRole('link', { name: guideline }).click()
      await page.getByRole('button', { name: t.reader.offline }).click()
      await expect(page.getByText(t.reader.offlineDone)).toBeVisible()
      const leaf = page.getByRole('region', { name: t.reader.page, exact: true })
      const words = await leaf.innerText()
      await guard.check('kept')

      await context.setOffline(true)
      await page.reload()
      await expect(page.getByText(t.offline.title)).toBeVisible()
      await expect.poll(() => leaf.innerText()).toBe(words)
      await expect(page.getByRole('search')).toHaveCount(0)
      await guard.check('reading')
      await page.getByRole('button', { name: t.reader.next }).click()
      await expect(leaf).not.toHaveText(words)
      await page.goto('/')
      await expect(page.getByText(t.offline.title)).toBeVisible()
      await guard.check('start')
      await page.getByRole('link', { name: t.offline.toGuidelines }).click()
      await expect(page.getByRole('link', { name: guideline })).toBeVisible()
      await expect(page.getByLabel(t.ask.question, { exact: true })).toHaveCount(0)
      await guard.check('list')
      await page.goto('/case/new/form')
      await expect(page.getByText(shared.fault.offline)).toBeVisible()
      await expect(page.getByRole('button', { name: t.form.submit })).toHaveCount(0)
      await guard.check('no form')
      const addresses = await kept(page)
      expect(addresses).toContain('/')
      expect(addresses.filter((address) => !/^\/(assets\/[^?]+\.(js|css)|api\/guidelines(\/[0-9a-f-]+\/versions\/[0-9a-f-]+\/pages(\/\d+(\/image)?)?)?)?$/.test(address))).toEqual([])

      await context.setOffline(false)
      await expect(page.getByRole('heading', { level: 1, name: t.form.title })).toBeVisible()
      await expect(page.getByText(t.offline.title)).toHaveCount(0)
    })
  })
}

const [desk] = looks
if (!desk) throw new Error('no look')

test.describe('without network, with a login', () => {
  test.use({ ...using(desk), serviceWorkers: 'allow', baseURL: requiredURL })
  const t = texts.de.app
  const shared = texts.de.shared

  test('a page that loses the network keeps its person and what was entered; who logs out leaves nothing', async ({ page, context, guard }) => {
    guard.expectFailed('network')
    guard.expectFailed(401)
    await page.goto('/')
    await throughProvider(page, 'clinician')
    await ready(page)
    await page.goto('/guidelines')
    await page.getByRole('link', { name: /Demo-Hausleitlinie/ }).click()
    await page.getByRole('button', { name: t.reader.offline }).click()
    await expect(page.getByText(t.reader.offlineDone)).toBeVisible()

    await page.goto('/case/new/form')
    await page.locator('#field-weight').fill('80')
    await context.setOffline(true)
    const indication = page.getByLabel(t.request.indication, { exact: true }).first()
    await expect(indication).toBeVisible()
    await expect(page.getByText(t.offline.title)).toHaveCount(0)
    await expect(page.locator('#field-weight')).toHaveValue('80')
    await context.setOffline(false)

    await logOut(page, 'clinician')
    expect((await kept(page)).filter((address) => address.startsWith('/api/'))).toEqual([])
    await context.setOffline(true)
    await page.goto('/guidelines')
    await expect(page.getByText(shared.fault.offline)).toBeVisible()
    await expect(page.getByRole('link', { name: /Demo-Hausleitlinie/ })).toHaveCount(0)
  })
})

test.describe('installed', () => {
  test('the manifest names the app and icons that are there', async ({ page }) => {
    await page.goto('/')
    const address = await page.locator('link[rel=manifest]').getAttribute('href')
    const answer = await page.request.get(address ?? '')
    expect(answer.headers()['content-type']).toBe('application/manifest+json')
    const manifest = (await answer.json()) as { start_url: string; display: string; icons: { src: string; sizes: string }[] }
    expect([manifest.start_url, manifest.display]).toEqual(['/', 'standalone'])
    expect(manifest.icons.map((icon) => icon.sizes)).toEqual(expect.arrayContaining(['192x192', '512x512']))
    for (const icon of manifest.icons) expect((await page.request.get(icon.src)).headers()['content-type']).toMatch(/^image\//)
  })
})
