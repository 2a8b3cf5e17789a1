import { expect, looks, named, test, using } from './test.ts'
import { texts } from './texts.ts'

for (const look of looks) test.describe(`states ${named(look)}`, () => {
  test.use(using(look))
  const t = texts[look.lang].app
  const shared = texts[look.lang].shared

  test('a case is gone after reloading, and the page says so', async ({ page, guard }) => {
    await page.goto('/')
    await page.getByRole('button', { name: /[Pp]enicillin/ }).click()
    await expect(page.getByRole('link', { name: t.review.toResult })).toBeVisible()
    await page.reload()
    await expect(page.getByText(t.gone.title)).toBeVisible()
    await guard.check('gone')
  })

  test('a server that does not answer keeps what was entered', async ({ page, guard }) => {
    guard.expectFailed('network')
    await page.goto('/case/new/form')
    const indication = page.getByLabel(t.request.indication, { exact: true }).first()
    await indication.fill('urosepsis')
    await page.getByRole('option', { name: /^Urosepsis/ }).click()
    await page.locator('#field-weight').fill('80')
    await page.route('**/api/recommendations', (route) => route.abort('connectionrefused'))
    await page.getByRole('button', { name: t.form.submit }).click()
    await expect(page.getByRole('alert')).toContainText(shared.fault.offline)
    await guard.check('offline')
    await page.unroute('**/api/recommendations')
    await page.getByRole('button', { name: shared.view.retry }).click()
    await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toBeVisible()
    await page.getByRole('link', { name: t.review.back }).click()
    await expect(page.locator('#field-weight')).toHaveValue('80')
  })

  test('an answer that is cut short is not half shown', async ({ page, guard }) => {
    await page.route('**/api/recommendations', async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, body: (await response.text()).slice(0, 2000) })
    })
    await page.goto('/')
    await page.getByRole('button', { name: /[Pp]enicillin/ }).click()
    await expect(page.getByRole('alert')).toContainText(shared.fault.offline)
    await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toHaveCount(0)
    await guard.check('cut short')
  })

  test('a slow answer can be cancelled', async ({ page, guard }) => {
    guard.expectFailed('network')
    let release: () => void = () => undefined
    const held = new Promise<undefined>((resolve) => (release = () => resolve(undefined)))
    await page.route('**/api/recommendations', async (route) => {
      await held
      await route.abort().catch(() => undefined)
    })
    await page.goto('/case/new/form')
    const indication = page.getByLabel(t.request.indication, { exact: true }).first()
    await indication.fill('urosepsis')
    await page.getByRole('option', { name: /^Urosepsis/ }).click()
    await page.getByRole('button', { name: t.form.submit }).click()
    await expect(page.getByText(shared.view.stillLoading)).toBeVisible()
    await guard.check('loading')
    await page.getByRole('button', { name: shared.view.cancel }).click()
    await expect(page.getByRole('heading', { level: 1, name: t.form.title })).toBeVisible()
    release()
  })

  test('data of two patients are refused with words', async ({ page, guard }) => {
    guard.expectFailed(422)
    guard.expectFailed(400)
    const bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { resource: { resourceType: 'Patient', id: 'a' } },
        { resource: { resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/b' } } },
      ],
    }
    await page.goto('/case/new/bundle')
    await page.getByLabel(t.bundle.paste).fill(JSON.stringify(bundle))
    await page.getByRole('button', { name: t.bundle.submit }).click()
    // Either refused or told as not used: never silently taken.
    await expect(page.getByRole('alert').or(page.getByText('Observation/o'))).toBeVisible()
    await guard.check('another patient')
  })

  test('no indication: the page asks for one and offers no treatment', async ({ page, guard }) => {
    const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { resourceType: 'Patient', id: 'a', gender: 'male', birthDate: '1970-01-01' } }] }
    await page.goto('/case/new/bundle')
    await page.getByLabel(t.bundle.paste).fill(JSON.stringify(bundle))
    await page.getByRole('button', { name: t.bundle.submit }).click()
    await expect(page.getByText(t.review.noIndication).first()).toBeVisible()
    await guard.check('no indication')
    await page.getByRole('link', { name: t.review.toResult }).click()
    await expect(page.getByText(t.result.optionsNone)).toBeVisible()
    await expect(page.getByRole('article')).toHaveCount(0)
    await guard.check('no option')
  })

  test('a page that does not exist, and the page about the program', async ({ page, guard }) => {
    await page.goto('/nowhere')
    await expect(page.getByRole('heading', { level: 1, name: t.notFound.title })).toBeVisible()
    await guard.check('not found')
    await page.getByRole('link', { name: t.nav.about, exact: true }).click()
    await expect(page.getByText(t.about.passages)).toBeVisible()
    await guard.check('about')
  })

  test('a part of the page that a new version took away is said, not crashed on', async ({ page, guard }) => {
    guard.expectFailed(404)
    await page.route('**/assets/PrintRoute-*.js', (route) => route.fulfill({ status: 404, body: 'no such asset' }))
    await page.goto('/')
    await page.getByRole('button', { name: /[Pp]enicillin/ }).click()
    await page.getByRole('link', { name: t.review.toResult }).click()
    await page.getByRole('link', { name: t.result.print }).click()
    await expect(page.getByText(shared.updated)).toBeVisible()
  })
})
