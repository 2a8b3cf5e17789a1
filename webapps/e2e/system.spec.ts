import type { Locator, Page } from '@playwright/test'
import { logOut, openMenu, people } from './login.ts'
import { requiredURL } from './playwright.config.ts'
import { expect, looks, named, test, using, type Look } from './test.ts'
import { texts } from './texts.ts'

const [desk, night, , phone] = looks
if (!desk || !night || !phone) throw new Error('no look')

test.use({ baseURL: requiredURL })

async function choose(page: Page, role: 'admin' | 'auditor' | 'clinician', path: string): Promise<void> {
  await page.goto(path)
  await page.getByRole('button', { name: people[role] }).click()
  await page.getByRole('navigation').first().waitFor()
}

const row = (page: Page, name: string): Locator => page.getByRole('row').filter({ hasText: name })

// Each look registers under names of its own: the server is one for all.
const suffix = (look: Look) => `${look.lang}-${look.width}`

for (const look of [desk, phone]) {
  test.describe(named(look), () => {
    test.use(using(look))
    const t = texts[look.lang].admin.system
    const shared = texts[look.lang].shared

    test('FHIR servers and CDS clients, from registration to removal', async ({ page, guard }) => {
      guard.expectFailed(422)
      guard.expectFailed(409)
      const [server, client] = [`fhir-${suffix(look)}`, `ehr-${suffix(look)}`]
      await choose(page, 'admin', '/admin/system/servers')
      await expect(page.getByText(t.servers.empty)).toBeVisible()
      await page.getByRole('link', { name: t.servers.add }).click()
      await page.getByLabel(t.name, { exact: true }).fill(server)
      await page.getByLabel(t.servers.base).fill('http://fhir.example.org/r4')
      await page.getByRole('button', { name: t.register }).click()
      await expect(page.getByRole('alert')).toContainText('https')
      await guard.check('server refused')
      await page.getByLabel(t.servers.base).fill('https://fhir.example.org/r4')
      await page.getByLabel(t.servers.auth).selectOption('bearer')
      await page.getByLabel(t.servers.token, { exact: true }).fill('no-secret-4711')
      await page.getByRole('button', { name: t.register }).click()
      await expect(row(page, server)).toContainText(t.inUse)
      await guard.check('servers')
      // What was stored is never told again.
      await page.getByRole('link', { name: server }).click()
      await expect(page.getByLabel(t.servers.token, { exact: true })).toHaveValue('')
      await expect(page.getByText(t.servers.secretKept)).toBeVisible()
      expect(await (await page.request.get('/api/system/servers')).text()).not.toContain('no-secret-4711')
      await guard.check('server')

      await page.getByRole('link', { name: t.nav.clients, exact: true }).click()
      await page.getByRole('link', { name: t.clients.add }).click()
      await page.getByRole('button', { name: t.register }).click()
      // The server says for each field what is wrong with it.
      await expect(page.getByLabel(t.name, { exact: true })).toHaveAttribute('aria-invalid', 'true')
      await expect(page.getByLabel(t.clients.issuer)).toHaveAttribute('aria-invalid', 'true')
      await guard.check('client refused')
      await page.getByLabel(t.name, { exact: true }).fill(client)
      await page.getByLabel(t.clients.issuer).fill(`https://${client}.example/fhir`)
      await page.getByLabel(t.clients.keysUrl).fill(`https://${client}.example/jwks`)
      await page.getByLabel(server, { exact: true }).check()
      await page.getByRole('button', { name: t.register }).click()
      await expect(row(page, client)).toContainText(server)
      await page.getByRole('link', { name: client }).click()
      await page.getByLabel(t.clients.shadow).check()
      await page.getByLabel(t.clients.deadline).fill('300')
      await guard.check('client')
      await page.getByRole('button', { name: t.save }).click()
      await expect(row(page, client)).toContainText(t.clients.shadowState)
      await expect(row(page, client)).toContainText('300 ms')

      await page.getByRole('link', { name: t.nav.flow, exact: true }).click()
      await expect(row(page, 'fhir.example.org')).toContainText(t.flow.purposes['fhir-server'])
      await expect(row(page, `${client}.example`)).toContainText(t.flow.purposes['client-keys'])
      await guard.check('data flow')

      await page.getByRole('link', { name: t.nav.clients, exact: true }).click()
      await page.getByRole('link', { name: client }).click()
      await page.getByRole('button', { name: t.remove, exact: true }).click()
      await expect(page.getByRole('dialog').getByRole('button', { name: t.cancel })).toBeFocused()
      await guard.check('remove?')
      await page.getByRole('dialog').getByRole('button', { name: t.removeConfirm }).click()
      await expect(row(page, client)).toHaveCount(0)
      await page.goto(`/admin/system/servers/${server}`)
      await page.getByRole('button', { name: t.remove, exact: true }).click()
      await page.getByRole('dialog').getByRole('button', { name: t.removeConfirm }).click()
      await expect(page.getByText(t.servers.empty)).toBeVisible()
    })

    test('a person, from the first passphrase to the lock', async ({ page, guard }) => {
      for (const status of [401, 409, 422]) guard.expectFailed(status)
      const name = `petra-${suffix(look)}`
      const [first, own] = ['vier Wörter reichen aus', 'noch einmal vier andere Wörter']
      await choose(page, 'admin', '/admin/system/people')
      await page.getByRole('button', { name: t.people.add }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel(t.people.name).fill(name)
      await dialog.getByLabel(t.people.display, { exact: true }).fill(`Petra ${look.width}`)
      await dialog.getByLabel(shared.session.role.viewer, { exact: true }).check()
      await dialog.getByLabel(t.people.first, { exact: true }).fill('kurz')
      await dialog.getByRole('button', { name: t.people.add }).click()
      await expect(dialog.getByLabel(t.people.first, { exact: true })).toHaveAttribute('aria-invalid', 'true')
      await guard.check('person refused')
      await dialog.getByLabel(t.people.first, { exact: true }).fill(first)
      await dialog.getByRole('button', { name: t.people.add }).click()
      await expect(dialog).toHaveCount(0)
      await expect(row(page, name)).toContainText(shared.session.role.viewer)
      await guard.check('people')
      await logOut(page, 'admin', look.lang)

      // The same words for a wrong passphrase and for nobody.
      const login = async (who: string, passphrase: string) => {
        await page.getByLabel(shared.session.name).fill(who)
        await page.getByLabel(shared.session.passphrase, { exact: true }).fill(passphrase)
        await page.getByRole('button', { name: shared.session.submit, exact: true }).click()
      }
      await login(name, 'das war es nicht')
      await expect(page.getByRole('alert')).toContainText(shared.session.wrong)
      const said = await page.getByRole('alert').textContent()
      await guard.check('wrong')
      await login('nobody-here', 'das war es nicht')
      await expect(page.getByRole('alert')).toHaveText(said ?? '')

      await login(name, first)
      await expect(page.getByText(shared.session.mustChange)).toBeVisible()
      await expect(page.getByRole('navigation')).toHaveCount(0)
      await guard.check('must change')
      await page.getByLabel(shared.session.old, { exact: true }).fill(first)
      await page.getByLabel(shared.session.new, { exact: true }).fill(own)
      await page.getByLabel(shared.session.repeat, { exact: true }).fill(own)
      await page.getByRole('button', { name: shared.session.change }).click()
      await expect(page.getByRole('button', { name: `${shared.session.menu}: Petra ${look.width}` })).toBeVisible()
      await expect(page.getByRole('link', { name: texts[look.lang].admin.nav.system, exact: true })).toHaveCount(0)

      await page.getByRole('button', { name: `${shared.session.menu}: Petra ${look.width}` }).click()
      await page.getByRole('button', { name: shared.session.logout }).click()
      await page.getByRole('heading', { level: 1, name: shared.session.title }).waitFor()
      await choose(page, 'admin', '/admin/system/people')
      await page.getByRole('button', { name: t.people.changeOf.replace('{{name}}', `Petra ${look.width}`) }).click()
      await dialog.getByLabel(t.people.disable, { exact: true }).check()
      await guard.check('lock')
      await dialog.getByRole('button', { name: t.save }).click()
      await expect(row(page, name)).toContainText(t.people.disabled)
      expect((await page.request.post('/api/session', { data: { name, passphrase: own } })).status()).toBe(401)
    })
  })
}

for (const look of [desk, night, phone]) {
  test.describe(named(look), () => {
    test.use(using(look))
    const t = texts[look.lang].admin.system

    test('health, jobs, and who saw whose data', async ({ page, guard }) => {
      const patient = `patient-${suffix(look)}`
      // Clara asks for advice about a patient of hers.
      await choose(page, 'clinician', '/')
      const bundle = {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [{ resource: { resourceType: 'Patient', id: patient, gender: 'male', birthDate: '1970-01-01' } }],
      }
      expect((await page.request.post('/api/recommendations', { data: { bundle, language: 'de' } })).status()).toBe(200)
      await logOut(page, 'clinician', look.lang)

      await choose(page, 'auditor', '/admin/system')
      await expect(row(page, t.health.names.database)).toContainText(t.health.ok)
      await guard.check('health')
      await page.getByRole('link', { name: t.nav.jobs, exact: true }).click()
      await expect(row(page, t.jobs.kinds['read-guideline']).first()).toContainText(t.jobs.states.done)
      await guard.check('jobs')

      await page.getByRole('link', { name: t.nav.audit, exact: true }).click()
      await page.getByLabel(t.audit.patient, { exact: true }).fill(patient)
      await page.getByRole('button', { name: t.audit.search, exact: true }).click()
      const saw = page.getByRole('region', { name: t.audit.saw.replace('{{patient}}', patient) })
      await expect(saw.getByRole('row').filter({ hasText: 'clinician' })).toContainText(t.audit.kinds.advice)
      const found = page.getByRole('region', { name: t.audit.found })
      await expect(found.getByRole('row').filter({ hasText: t.audit.kinds.advice })).toContainText('clinician')
      // Whose data it is about stands in no address and no title.
      expect(page.url()).not.toContain(patient)
      expect(await page.title()).not.toContain(patient)
      await guard.check('who saw')

      // Asking is written down, too: nobody has asked about this one before.
      await page.getByLabel(t.audit.patient, { exact: true }).fill(`nobody-${suffix(look)}`)
      await page.getByRole('button', { name: t.audit.search, exact: true }).click()
      await expect(page.getByText(t.audit.sawNobody)).toBeVisible()
      await page.getByLabel(t.audit.patient, { exact: true }).fill('')
      await page.getByLabel(t.audit.person, { exact: true }).fill('clinician')
      await page.getByLabel(t.audit.from, { exact: true }).fill('2026-02-02')
      await page.getByLabel(t.audit.to, { exact: true }).fill('2026-02-01')
      await page.getByRole('button', { name: t.audit.search, exact: true }).click()
      await expect(page.getByText(t.audit.backwards)).toBeVisible()
      await page.getByLabel(t.audit.from, { exact: true }).fill('')
      await page.getByLabel(t.audit.to, { exact: true }).fill('')
      await page.getByRole('button', { name: t.audit.search, exact: true }).click()
      const did = page.getByRole('region', { name: t.audit.did.replace('{{person}}', 'clinician') })
      await expect(did.getByRole('row').filter({ hasText: t.audit.kinds.advice })).toBeVisible()
      await guard.check('what did')

      const file = page.waitForEvent('download')
      await page.getByRole('button', { name: t.audit.export }).click()
      const lines = (await (await file).createReadStream().then(async (stream) => Buffer.concat(await stream.toArray()).toString())).trim().split('\n')
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ resourceType: 'AuditEvent' })

      await page.getByRole('button', { name: t.audit.verify }).click()
      await expect(page.getByText(t.audit.intact)).toBeVisible()
      await guard.check('verified')
    })
  })
}

test.describe('a trail that was changed', () => {
  test.use(using(desk))
  const t = texts.de.admin.system

  test('names the place', async ({ page, guard }) => {
    // The server's own tests change a byte in its table; here the answer is what counts.
    await page.route('**/api/system/audit/verify', (route) =>
      route.fulfill({
        json: { ok: false, first: 1, last: 9, events: 8, deleted: 0, heads: 1, waiting: 0, moreFaults: 0, seconds: 0.1, faults: [{ position: 7, event: '01a2', problem: 'not as it was written' }] },
      }),
    )
    await choose(page, 'auditor', '/admin/system/audit')
    await page.getByRole('button', { name: t.audit.verify }).click()
    await expect(page.getByRole('alert')).toContainText('AuditEvent/01a2')
    await expect(page.getByRole('alert')).toContainText(t.audit.position.replace('{{position}}', '7'))
    await guard.check('changed')
    await openMenu(page, 'auditor')
    await page.keyboard.press('Escape')
  })
})
