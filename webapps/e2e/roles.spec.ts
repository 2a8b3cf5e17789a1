import type { Page } from '@playwright/test'
import { logOut, openMenu, people, rightsOf, roles, throughProvider, type Role } from './login.ts'
import { requiredURL } from './playwright.config.ts'
import { expect, looks, test, using } from './test.ts'
import { texts } from './texts.ts'

const [desk, , , phone] = looks
if (!desk || !phone) throw new Error('no look')

// Every test logs in anew, on the server that asks for it.
test.use({ ...using(desk), baseURL: requiredURL })

type Lang = 'de' | 'en'

/** What the main menu of the administration offers whoever has these rights. */
function adminMenu(rights: Set<string>, lang: Lang): string[] {
  const nav = texts[lang].admin.nav
  const system = ['settings:read', 'people:read', 'registrations:read', 'audit:read'].some((right) => rights.has(right))
  return [
    nav.overview,
    ...(rights.has('evidence:read') ? [nav.guidelines, nav.search] : []),
    ...(rights.has('knowledge:read') ? [nav.plans] : []),
    ...(system ? [nav.system] : []),
    ...(rights.has('recommendations:ask') ? [nav.app] : []),
  ]
}

/** What the menu of the system offers. */
function systemMenu(rights: Set<string>, lang: Lang): string[] {
  const nav = texts[lang].admin.system.nav
  const parts: [string, string][] = [
    [nav.health, 'settings:read'],
    [nav.people, 'people:read'],
    [nav.clients, 'registrations:read'],
    [nav.servers, 'registrations:read'],
    [nav.jobs, 'settings:read'],
    [nav.flow, 'settings:read'],
    [nav.audit, 'audit:read'],
  ]
  return parts.filter(([, right]) => rights.has(right)).map(([name]) => name)
}

const linksOf = (page: Page, menu: string) => page.getByRole('navigation', { name: menu }).getByRole('link').allTextContents()

async function speak(page: Page, role: Role, to: Lang): Promise<void> {
  await openMenu(page, role, to === 'en' ? 'de' : 'en')
  await page.getByRole('button', { name: to === 'en' ? 'English' : 'Deutsch' }).click()
  await page.keyboard.press('Escape')
}

/** Menus in the language that is set, and what stands in the place of a screen one may not see. */
async function isOffered(page: Page, role: Role, lang: Lang): Promise<void> {
  const rights = rightsOf(role)
  const { app, admin, shared } = texts[lang]
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1, name: app.start.title })).toBeVisible()
  await expect(page.getByText(app.start.noAsking)).toHaveCount(rights.has('recommendations:ask') ? 0 : 1)
  await page.goto('/admin/system/people')
  await expect(page.getByRole('heading', { level: 1, name: rights.has('people:read') ? admin.system.people.title : shared.session.forbidden })).toBeVisible()
  expect(await linksOf(page, admin.nav.label)).toEqual(adminMenu(rights, lang))
}

/** Both apps: what is offered is what the matrix says, neither more nor less. */
async function seesOnly(page: Page, role: Role, lang: Lang): Promise<void> {
  const rights = rightsOf(role)
  const { app, admin, shared } = texts[lang]

  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1, name: app.start.title })).toBeVisible()
  await expect(page.getByText(app.start.noAsking)).toHaveCount(rights.has('recommendations:ask') ? 0 : 1)
  await expect(page.getByRole('link', { name: app.start.form })).toHaveCount(rights.has('recommendations:ask') ? 1 : 0)
  await page.goto('/case/new/form')
  await expect(page.getByRole('heading', { level: 1, name: rights.has('recommendations:ask') ? app.form.title : shared.session.forbidden })).toBeVisible()

  await page.goto('/admin/')
  await expect(page.getByRole('heading', { level: 1, name: admin.overview.title })).toBeVisible()
  expect(await linksOf(page, admin.nav.label)).toEqual(adminMenu(rights, lang))
  await page.goto('/admin/guidelines')
  await expect(page.getByRole('table')).toBeVisible()
  await expect(page.getByRole('heading', { name: admin.guidelines.upload })).toHaveCount(rights.has('evidence:write') ? 1 : 0)
  await expect(page.getByRole('button', { name: admin.guidelines.delete, exact: false })).toHaveCount(
    rights.has('evidence:write') ? await page.getByRole('row').count().then((rows) => rows - 1) : 0,
  )
  const parts = systemMenu(rights, lang)
  if (parts.length > 1) {
    await page.getByRole('link', { name: admin.nav.system, exact: true }).click()
    await expect(page.getByRole('navigation', { name: admin.system.nav.label })).toBeVisible()
    expect(await linksOf(page, admin.system.nav.label)).toEqual(parts)
  }
  await page.goto('/admin/system/audit')
  await expect(page.getByRole('heading', { level: 1, name: rights.has('audit:read') ? admin.system.audit.title : shared.session.forbidden })).toBeVisible()
  await page.goto('/admin/system/people')
  await expect(page.getByRole('heading', { level: 1, name: rights.has('people:read') ? admin.system.people.title : shared.session.forbidden })).toBeVisible()
  await expect(page.getByRole('button', { name: admin.system.people.add })).toHaveCount(rights.has('people:write') ? 1 : 0)
}

for (const role of roles) {
  test(`${people[role]} sees what the matrix says, in both apps and languages`, async ({ page, guard }) => {
    const t = texts.de.shared.session
    // A deep link leads to the login, and the login back to it.
    await page.goto('/about')
    await expect(page.getByRole('heading', { level: 1, name: t.title })).toBeVisible()
    await expect(page.getByRole('navigation')).toHaveCount(0)
    await throughProvider(page, role)
    await expect(page).toHaveURL('/about')
    await expect(page.getByRole('heading', { level: 1, name: texts.de.app.about.title })).toBeVisible()
    await openMenu(page, role)
    await expect(page.getByText(t.role[role], { exact: true })).toBeVisible()
    await guard.check('menu')
    await page.keyboard.press('Escape')
    await expect(page.getByText(t.role[role], { exact: true })).toBeHidden()

    await seesOnly(page, role, 'de')
    await guard.check('people or no permission')
    await speak(page, role, 'en')
    await isOffered(page, role, 'en')

    // What is not offered is refused, too.
    for (const [path, right] of [['/api/system/people', 'people:read'], ['/api/guidelines', 'evidence:read'], ['/fhir/AuditEvent', 'audit:read'], ['/fhir/Patient', 'patients:read']] as const) {
      expect((await page.request.get(path)).status(), path).toBe(rightsOf(role).has(right) ? 200 : 403)
    }

    await page.goto('/admin/guidelines')
    await expect(page.getByRole('table')).toBeVisible()
    await logOut(page, role, 'en')
    await page.goBack()
    await expect(page.getByRole('heading', { level: 1, name: texts.en.shared.session.title })).toBeVisible()
    await expect(page.getByRole('table')).toHaveCount(0)
    expect((await page.request.get('/api/guidelines')).status()).toBe(401)
  })
}

test.describe('a login that ends', () => {
  const t = texts.de.app
  const shared = texts.de.shared.session

  /** The form, filled in by Clara, whose login ends before it is sent. */
  async function draft(page: Page): Promise<void> {
    await page.goto('/case/new/form')
    await page.getByRole('button', { name: people.clinician }).click()
    const indication = page.getByLabel(t.request.indication, { exact: true }).first()
    await indication.fill('urosepsis')
    await page.getByRole('option', { name: /^Urosepsis/ }).click()
    await page.locator('#field-weight').fill('80')
    await page.context().clearCookies()
    await page.getByRole('button', { name: t.form.submit }).click()
    await expect(page.getByRole('dialog', { name: shared.ended })).toBeVisible()
  }

  test('keeps what was typed: the login stands above the page, then the request is sent again', async ({ page, guard }) => {
    guard.expectFailed(401)
    await draft(page)
    await guard.check('login again')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog', { name: shared.ended })).toBeVisible()
    await page.getByRole('dialog').getByRole('button', { name: people.clinician }).click()
    await expect(page.getByRole('dialog')).toHaveCount(0)
    await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toBeVisible()
    await page.getByRole('link', { name: t.review.back }).click()
    await expect(page.locator('#field-weight')).toHaveValue('80')
  })

  test('goes on after a login at the provider in a window of its own', async ({ page, guard }) => {
    guard.expectFailed(401)
    await draft(page)
    const opened = page.context().waitForEvent('page')
    await page.getByRole('dialog').getByRole('link', { name: shared.withProvider.replace('{{name}}', 'Demo') }).click()
    const beside = await opened
    await beside.getByRole('button', { name: new RegExp(people.clinician) }).click()
    await expect(beside.getByRole('heading', { level: 1, name: shared.signedIn })).toBeVisible()
    await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toBeVisible()
  })

  test('shows nothing of it to somebody else', async ({ page, guard }) => {
    guard.expectFailed(401)
    guard.expectFailed(403)
    await draft(page)
    await page.getByRole('dialog').getByRole('button', { name: people.curator }).click()
    await expect(page.getByRole('button', { name: `${shared.menu}: ${people.curator}` })).toBeVisible()
    // The page begins anew for somebody else, and may cut off the way there.
    await expect(() => page.goto('/case/new/form', { timeout: 8_000 })).toPass()
    await expect(page.locator('#field-weight')).toHaveValue('')
  })

  test('a window is told when another one logs out', async ({ page, context }) => {
    await page.goto('/')
    await page.getByRole('button', { name: people.clinician }).click()
    await expect(page.getByRole('link', { name: t.start.form })).toBeVisible()
    const other = await context.newPage()
    await other.goto('/')
    await logOut(other, 'clinician')
    await expect(page.getByRole('dialog', { name: shared.ended })).toBeVisible()
  })
})

test.describe('the login', () => {
  test('never leads to another place', async ({ page, guard }) => {
    for (const path of ['//example.org/', '/\\example.org', 'https://example.org/', '/%5cexample.org']) {
      await page.goto(`/api/session/oidc?return=${encodeURIComponent(path)}`)
      await page.getByRole('button', { name: new RegExp(people.viewer) }).click()
      await page.getByRole('button', { name: new RegExp(people.viewer) }).waitFor()
      expect(new URL(page.url()).origin).toBe(new URL(requiredURL ?? '').origin)
      await page.context().clearCookies()
    }
    await page.goto('/api/session/oidc/callback?state=x&code=y')
    await expect(page.getByText(texts.de.shared.session.refused)).toBeVisible()
    await expect(page).toHaveURL('/')
    await guard.check('refused')
  })
})

test.describe('on a phone', () => {
  test.use(using(phone))

  test('the login and the menu of the person', async ({ page, guard }) => {
    const t = texts.en.shared.session
    await page.goto('/admin/')
    await expect(page.getByRole('heading', { level: 1, name: t.title })).toBeVisible()
    await guard.check('login')
    await page.getByRole('button', { name: people.admin }).click()
    await openMenu(page, 'admin', 'en')
    await guard.check('menu')
    await page.getByRole('button', { name: t.choose }).click()
    await expect(page.getByRole('dialog', { name: t.choose })).toBeVisible()
    await guard.check('choose another person')
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog')).toHaveCount(0)
    await expect(page.getByRole('button', { name: `${t.menu}: ${people.admin}` })).toBeFocused()
  })
})
