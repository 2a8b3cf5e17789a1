import type { Page } from '@playwright/test'
import { expect, looks, named, test, using, type Look } from './test.ts'
import { texts, withValue } from './texts.ts'

type Options = { options: { ingredients: { atc: string; name: string }[]; specialistDecision: boolean }[]; banner: string | null }
const example = 'cap-penicillin-anaphylaxis'

/** What the server says of the example, asked without the app. */
async function answer(page: Page, language: 'de' | 'en'): Promise<Options> {
  const bundle: unknown = await (await page.request.get(`/api/examples/${example}`)).json()
  const response = await page.request.post('/api/recommendations', { data: { bundle, language } })
  expect(response.status()).toBe(200)
  return (await response.json()) as Options
}

/** Names of the substances shown, option by option. */
const shown = (page: Page, look: Look) =>
  page.getByRole('article', { name: withValue(texts[look.lang].app.result.option, '') }).evaluateAll((cards) =>
    cards.map((card) => (card.getAttribute('aria-label') ?? '').replace(/^[^:]*: /, '')),
  )

const expected = (o: Options) => o.options.map((option) => [...new Set(option.ingredients.map((i) => i.name))].join(' + '))

async function openResult(page: Page, look: Look): Promise<void> {
  const t = texts[look.lang].app
  await page.getByRole('link', { name: t.review.toResult }).click()
  await expect(page.getByRole('heading', { level: 1, name: t.result.title })).toBeVisible()
  await expect(page.getByRole('heading', { level: 2, name: t.result.options })).toBeVisible()
}

/** No patient data may stand in the address, the title or the browser's storage. */
async function leavesNoTrace(page: Page): Promise<void> {
  const traces = await page.evaluate(() => ({
    address: location.href,
    title: document.title,
    local: Object.keys(localStorage),
    session: sessionStorage.length,
    cookies: document.cookie,
    history: JSON.stringify(history.state),
  }))
  expect(new URL(traces.address).pathname).toMatch(/^\/case\/[0-9a-f]{12}(\/review|\/print)?$/)
  expect(new URL(traces.address).search).toBe('')
  expect(traces.title).not.toMatch(/\d/)
  expect(traces.local.filter((key) => key !== 'cdss-language' && key !== 'cdss-theme')).toEqual([])
  expect(traces.session).toBe(0)
  expect(traces.cookies).toBe('')
  expect(traces.history).not.toMatch(/Patient|birthDate|resourceType/)
}

for (const look of looks) {
  test.describe(named(look), () => {
    test.use(using(look))
    const t = texts[look.lang].app
    const shared = texts[look.lang].shared

    test('an example patient, from opening to print', async ({ page, guard }) => {
      await page.goto('/')
      const patient = page.getByRole('button', { name: /Penicillin|penicillin/ })
      await expect(patient).toBeVisible()
      await guard.check('start')

      await patient.click()
      await expect(page.getByRole('heading', { level: 1, name: t.review.title })).toBeFocused()
      await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toBeVisible()
      await expect(page.getByText(look.lang === 'de' ? /2,1\s*mg\/dL/ : /2\.1\s*mg\/dL/).first()).toBeVisible()
      await guard.check('review')
      await leavesNoTrace(page)

      const wanted = await answer(page, look.lang)
      await openResult(page, look)
      expect(await shown(page, look)).toEqual(expected(wanted))
      for (const option of wanted.options) {
        for (const i of option.ingredients) expect(i.atc, `${i.name} after anaphylaxis`).not.toMatch(/^J01C/)
      }
      const banner = wanted.banner ?? ''
      expect(banner).toMatch(look.lang === 'de' ? /^BEISPIEL/ : /^EXAMPLE/)
      await expect(page.getByText(banner)).toHaveCount(1 + wanted.options.length)
      await guard.check('result')
      await leavesNoTrace(page)

      const chip = page.getByRole('article').first().getByRole('button', { name: new RegExp(shared.citation.show) }).first()
      await chip.focus()
      await page.keyboard.press('Enter')
      if (look.width >= 1100) await expect(page.locator('[data-selected] ').first()).toBeFocused()
      else await expect(page.getByRole('dialog')).toBeVisible()
      await guard.check('evidence')
      await page.keyboard.press('Escape')
      await expect(page.getByRole('dialog')).toHaveCount(0)
      // The element itself: a window that lies behind others counts as unfocused.
      await expect.poll(() => chip.evaluate((button) => button === document.activeElement)).toBe(true)

      await page.getByText(t.result.details).first().click()
      await guard.check('details')

      await page.getByRole('link', { name: t.result.print }).click()
      await expect(page.getByRole('button', { name: t.print.print })).toBeVisible()
      await guard.check('print')
      await leavesNoTrace(page)
      const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
      expect(pdf.match(/\/Type\s*\/Page\b/g)?.length, 'pages of paper').toBe(1)
      await page.emulateMedia({ media: 'print' })
      await expect(page.getByText(banner)).toBeVisible()
      await expect(page.getByRole('button', { name: t.print.print })).toBeHidden()
      await page.emulateMedia({ media: null })
    })

    test('the form, with the numbers of that language', async ({ page, guard }) => {
      await page.goto('/case/new/form')
      await expect(page.getByRole('heading', { level: 1, name: t.form.title })).toBeVisible()
      await guard.check('empty form')
      await page.getByRole('button', { name: t.form.submit }).click()
      await expect(page.getByRole('alert')).toBeFocused()
      await guard.check('form with faults')

      const indication = page.getByLabel(t.request.indication, { exact: true }).first()
      await indication.click()
      await indication.fill('zzz')
      await expect(page.getByRole('option', { name: t.request.indicationNone })).toBeVisible()
      await guard.check('no indication found')
      await indication.fill(look.lang === 'de' ? 'ambulant pneu' : 'community pneu')
      await page.getByRole('option').first().click()
      await page.getByLabel(t.request.severe, { exact: true }).check()
      const number = (field: string, value: string) => page.locator(`#field-${field}`).fill(value)
      await number('age', '72')
      await page.getByLabel(t.form.sex, { exact: true }).selectOption('female')
      await number('weight', look.lang === 'de' ? '68,5' : '68.5')
      await number('height', '1,65')
      await expect(page.locator('#field-height')).toHaveAttribute('aria-invalid', 'true')
      await number('height', '165')
      await number('creatinine', '186')
      await expect(page.locator('#field-creatinine')).toHaveAttribute('aria-invalid', 'true')
      await page.getByLabel(t.form.creatinineUnit).selectOption('umol/L')
      await expect(page.locator('#field-creatinine')).not.toHaveAttribute('aria-invalid', 'true')
      await expect(page.getByText(look.lang === 'de' ? /2,1\smg\/dL/ : /2\.1\smg\/dL/)).toBeVisible()
      await page.getByLabel(t.form.allergyKnown).check()
      await page.getByLabel(t.form.substance.replace('{{number}}', '1'), { exact: true }).selectOption('penicillin')
      await page.getByLabel(t.form.reaction.replace('{{number}}', '1'), { exact: true }).selectOption('anaphylaxis')
      await page.getByText(t.form.vitals).click()
      await number('respiratoryRate', '24')
      await number('systolic', '124')
      await number('diastolic', '72')
      await page.getByLabel(t.form.confusion).selectOption('no')
      await guard.check('filled form')

      await page.getByRole('button', { name: t.form.submit }).click()
      await expect(page.getByRole('heading', { level: 1, name: t.review.title })).toBeVisible()
      await expect(page.getByRole('heading', { name: t.review.used, exact: true })).toBeVisible()
      await expect(page.getByText(t.facts.entered).first()).toBeVisible()
      await expect(page.getByText(look.lang === 'de' ? /^72\s*Jahre$/ : /^72\s*years$/)).toBeVisible()
      await expect(page.getByText(look.lang === 'de' ? /68,5\s*kg/ : /68\.5\s*kg/).first()).toBeVisible()
      await guard.check('review of the form')
      await openResult(page, look)
      const cards = await shown(page, look)
      expect(cards.length).toBeGreaterThan(0)
      for (const card of cards) expect(card).not.toMatch(/cillin|zillin/i)
      await expect(page.getByRole('heading', { name: t.result.excluded })).toBeVisible()
      await guard.check('result of the form')
      await leavesNoTrace(page)

      await page.getByRole('link', { name: t.result.toReview }).click()
      await page.getByRole('link', { name: t.review.back }).click()
      await expect(page.locator('#field-age')).toHaveValue('72')
    })

    test('gets from a pasted Bundle what the example gives', async ({ page, guard }) => {
      const bundle = await (await page.request.get(`/api/examples/${example}`)).text()
      await page.goto('/case/new/bundle')
      await expect(page.getByLabel(t.bundle.paste)).toBeVisible() // the page comes in a part of its own
      await guard.check('empty')
      await page.getByLabel(t.bundle.paste).fill(bundle)
      await expect(page.getByText('Patient × 1')).toBeVisible()
      await guard.check('recognised')
      await page.getByRole('button', { name: t.bundle.submit }).click()
      await expect(page.getByRole('heading', { level: 1, name: t.review.title })).toBeVisible()
      await openResult(page, look)
      expect(await shown(page, look)).toEqual(expected(await answer(page, look.lang)))
      await leavesNoTrace(page)
    })

    test('uploads a file, and is told what is wrong with another', async ({ page, guard }) => {
      await page.goto('/case/new/bundle')
      const choose = async (name: string, text: string) => {
        const chooser = page.waitForEvent('filechooser')
        await page.getByRole('button', { name: t.bundle.upload }).click()
        await (await chooser).setFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) })
      }
      const paste = page.getByLabel(t.bundle.paste)
      await choose('patient.json', '{"resourceType":"Patient"}')
      await expect(page.getByText(t.bundle.fault['not-bundle'].replace('{{found}}', 'Patient'))).toBeVisible()
      await guard.check('no Bundle')
      await choose('broken.json', '{"resourceType":\n"Bundle",\n')
      await expect(page.getByText(t.bundle.fault['not-json'].replace('.', ''))).toBeVisible()
      await choose('large.json', `{"x":"${'y'.repeat(20 * 1024 * 1024)}"}`)
      await expect(page.getByText(/5 MB/)).toBeVisible()
      await choose('bundle.json', await (await page.request.get(`/api/examples/${example}`)).text())
      await expect(paste).toHaveValue(/"Bundle"/)
      await page.getByRole('button', { name: t.bundle.submit }).click()
      await expect(page.getByRole('heading', { level: 1, name: t.review.title })).toBeVisible()
    })
  })
}

const desk = looks[0]
if (!desk) throw new Error('no look')

test.describe('the clinician', () => {
  test.use(using(desk))
  const t = texts.de.app

  test('enters a missing value on the review page and sees it used', async ({ page, guard }) => {
    const bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patient', id: 'p', gender: 'female', birthDate: '1954-02-20' } }],
    }
    await page.goto('/case/new/bundle')
    await page.getByLabel(t.bundle.paste).fill(JSON.stringify(bundle))
    const indication = page.getByLabel(t.request.indication, { exact: true }).first()
    await indication.fill('urosepsis')
    await page.getByRole('option', { name: /^Urosepsis/ }).click()
    await page.getByRole('button', { name: t.bundle.submit }).click()
    const creatinine = page.getByLabel(t.review.enter.replace('{{name}}', t.form.creatinine))
    await expect(creatinine).toBeVisible()
    await guard.check('missing values')
    await creatinine.fill('2,1')
    await page.getByRole('button', { name: t.review.apply }).click()
    await expect(page.getByRole('row', { name: /Kreatinin/ }).getByText(/2,1\s*mg\/dL/).first()).toBeVisible()
    await expect(page.getByText(t.facts.entered).first()).toBeVisible()
    await expect(creatinine).toHaveCount(0)
  })

  test('has ticked what the data say, and leaves the rest to be stated', async ({ page, guard }) => {
    await page.goto('/case/new/bundle')
    await page.getByLabel(t.bundle.paste).fill(await (await page.request.get('/api/examples/catheter-uti')).text())
    await page.getByRole('button', { name: t.bundle.submit }).click()
    await page.getByText(t.review.change, { exact: true }).click()
    const catheter = page.getByRole('checkbox', { name: t.request.risks.catheter })
    await expect(catheter).toBeChecked()
    await expect(catheter).toBeDisabled()
    await expect(page.getByText(t.request.riskFound)).toHaveCount(1)
    const mrgn = page.getByRole('checkbox', { name: t.request.risks.mrgn })
    await expect(mrgn).not.toBeChecked()
    await expect(mrgn).toBeEnabled()
    await guard.check('risks of the data')
  })

  test('reads the same case in the other language, from the user menu', async ({ page }) => {
    await page.goto('/')
    await page.getByRole('button', { name: /Penicillin/ }).click()
    await openResult(page, desk)
    await page.getByRole('button', { name: texts.de.shared.session.menu }).click()
    await page.getByRole('button', { name: 'English' }).click()
    await page.keyboard.press('Escape')
    await expect(page.getByRole('heading', { level: 1, name: texts.en.app.result.title })).toBeVisible()
    await expect(page.getByText((await answer(page, 'en')).banner ?? '').first()).toBeVisible()
    await expect(page.locator('html')).toHaveAttribute('lang', 'en')
    expect(await page.evaluate(() => localStorage.getItem('cdss-language'))).toBe('en')
  })

  test('works by keyboard alone, skip link first', async ({ page }) => {
    await page.goto('/')
    await expect(page.getByRole('button', { name: /Penicillin/ })).toBeVisible()
    await page.keyboard.press('Tab')
    await expect(page.getByRole('link', { name: texts.de.shared.skip })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.locator('main')).toBeFocused()
    await page.keyboard.press('Tab')
    await expect(page.getByRole('link', { name: t.start.form })).toBeFocused()
    // The other ways in come before the examples.
    for (let i = 0; i < 4; i++) await page.keyboard.press('Tab')
    await expect(page.getByRole('button', { name: /Penicillin/ })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: t.review.title })).toBeFocused()
    const toResult = page.getByRole('link', { name: t.review.toResult })
    for (let i = 0; i < 40 && !(await toResult.evaluate((link) => link === document.activeElement)); i++) await page.keyboard.press('Tab')
    await expect(toResult).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: t.result.title })).toBeFocused()
  })

  test('keeps a dose and its unit in one line on the narrowest screen', async ({ page }) => {
    await page.setViewportSize({ width: 320, height: 640 })
    await page.goto('/')
    await page.getByRole('button', { name: /Penicillin/ }).click()
    await openResult(page, desk)
    const broken = await page.getByRole('article').locator('p > span').evaluateAll((spans) =>
      spans.filter((span) => getComputedStyle(span).whiteSpace === 'nowrap' && span.getClientRects().length > 1).map((span) => span.textContent),
    )
    expect(broken).toEqual([])
  })
})
