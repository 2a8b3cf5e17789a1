// Before any other test lets an administrator of the provider come in, since that
// one would be another administrator: files run in the order of their names.
import { people } from './login.ts'
import { requiredURL } from './playwright.config.ts'
import { expect, looks, test, using } from './test.ts'
import { texts } from './texts.ts'

const desk = looks[0]
if (!desk) throw new Error('no look')

test.use({ baseURL: requiredURL })

test.describe('one administrator', () => {
  test.use(using(desk))
  const t = texts.de.admin.system

  test('the last one keeps the role', async ({ page, guard }) => {
    guard.expectFailed(409)
    await page.goto('/admin/system/people')
    await page.getByRole('button', { name: people.admin }).click()
    await page.getByRole('navigation').first().waitFor()
    const add = await page.request.post('/api/system/people', {
      data: { name: 'last', display: 'Letzte Verwalterin', roles: ['admin'], passphrase: 'vier Wörter reichen aus' },
    })
    expect([204, 409]).toContain(add.status()) // there already when tried again
    await page.reload()
    await page.getByRole('button', { name: t.people.changeOf.replace('{{name}}', 'Letzte Verwalterin') }).click()
    await expect(page.getByRole('dialog').getByText(t.people.lastAdmin)).toBeVisible()
    await expect(page.getByRole('dialog').getByLabel(texts.de.shared.session.role.admin, { exact: true })).toBeDisabled()
    await expect(page.getByRole('dialog').getByLabel(t.people.disable, { exact: true })).toBeDisabled()
    await guard.check('last administrator')
    const refused = await page.request.put('/api/system/people/last', { data: { display: 'Letzte Verwalterin', roles: [], disabled: false } })
    expect(refused.status()).toBe(409)
  })
})
