import { readFileSync } from 'node:fs'
import type { Locator, Page } from '@playwright/test'
import { expect, looks, named, test, using } from './test.ts'
import { texts } from './texts.ts'

// What follows an answer, and reading the guidelines.

const [desk] = looks
if (!desk) throw new Error('no look')

/** Answers as an approved rule gives them: in a demonstration all content is an example, which nobody may accept. */
async function asApproved(page: Page): Promise<void> {
  await page.route('**/api/recommendations', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, body: (await response.text()).replace(/"banner":"(?:[^"\\]|\\.)*"/g, '"banner":null') })
  })
}

for (const look of looks) {
  test.describe(named(look), () => {
    test.use(using(look))
    const t = texts[look.lang].app
    const shared = texts[look.lang].shared
    const result = async (page: Page) => {
      await page.goto('/')
      await page.getByRole('button', { name: /[Pp]enicillin/ }).click()
      await page.getByRole('link', { name: t.review.toResult }).click()
      await expect(page.getByRole('article').first()).toBeVisible()
    }
    const download = async (page: Page, button: string) => {
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()])
      return readFileSync(await file.path(), 'utf8')
    }

    test('example content can be looked at, not accepted', async ({ page }) => {
      await result(page)
      await expect(page.getByText(t.decision.example).first()).toBeVisible()
      await expect(page.getByRole('button', { name: t.decision.accept })).toHaveCount(0)
    })

    test('what if: creatinine, severity, an allergy more, no allergy at all; the case stays', async ({ page, guard }) => {
      await result(page)
      const before = await page.getByRole('article').first().getAttribute('aria-label')
      await page.getByText(t.whatIf.title).click()
      const outcome = page.getByRole('region', { name: t.whatIf.outcome })
      const allergy = page.getByLabel(t.whatIf.allergy, { exact: true })
      await allergy.selectOption('none')
      // After an anaphylaxis no penicillin stands in the case; without it one comes in, marked as new.
      await expect(outcome.getByRole('listitem').filter({ hasText: t.difference.new }).filter({ hasText: /cillin|zillin/i }).first()).toBeVisible()
      await guard.check('what if no allergy')
      await allergy.selectOption('fluoroquinolone')
      await expect(outcome.getByRole('listitem').filter({ hasText: t.difference.gone }).filter({ hasText: /floxacin/i }).first()).toBeVisible()
      await page.getByRole('button', { name: t.whatIf.reset }).click()
      await expect(outcome).toHaveCount(0)
      await page.locator('details').filter({ hasText: t.whatIf.title }).getByLabel(t.request.severity, { exact: true }).selectOption('septic')
      await expect(outcome.getByRole('listitem').first()).toContainText(t.request.severity)
      await guard.check('what if severity')
      await page.getByRole('button', { name: t.whatIf.reset }).click()
      await page.getByLabel(t.form.creatinine, { exact: true }).fill('99999')
      await expect(page.getByLabel(t.form.creatinine, { exact: true })).toHaveAttribute('aria-invalid', 'true')
      await expect(outcome).toHaveCount(0)
      await expect(page.getByRole('article').first()).toHaveAttribute('aria-label', before ?? '')
    })

    test('accept in one click, override in two, and the server keeps both', async ({ page, guard }) => {
      await asApproved(page)
      await result(page)
      const kept = () => page.waitForResponse((r) => r.url().includes('/feedback') && r.request().method() === 'POST')
      const first = page.getByRole('article').first()
      let [answer] = await Promise.all([kept(), first.getByRole('button', { name: t.decision.accept }).click()])
      expect(answer.status()).toBe(204)
      await expect(page.getByText(t.decision.saidAccepted)).toBeVisible()
      await guard.check('accepted')
      await page.getByRole('button', { name: t.decision.again }).click()
      await first.getByRole('button', { name: t.decision.override }).click()
      const reason = first.getByRole('button', { name: t.decision.reasons['service-not-available'] })
      await expect(reason).toBeVisible()
      await guard.check('override')
      ;[answer] = await Promise.all([kept(), reason.click()])
      expect(answer.status()).toBe(204)
      await expect(page.getByText(t.decision.saidOverridden)).toBeVisible()
    })

    test('FHIR proposals and a calendar entry', async ({ page, request }) => {
      await result(page)
      const bundle = JSON.parse(await download(page, t.actions.fhir)) as { entry: { resource: { resourceType: string; status: string; intent: string } }[] }
      expect(bundle.entry[0]?.resource.resourceType).toBe('CarePlan')
      for (const { resource } of bundle.entry) {
        expect([resource.status, resource.intent]).toEqual(['draft', 'proposal'])
        const judged = await request.post(`/fhir/${resource.resourceType}/$validate`, {
          headers: { 'Content-Type': 'application/fhir+json' },
          data: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'resource', resource }] }),
        })
        const outcome = (await judged.json()) as { issue: { severity: string; diagnostics?: string; details?: { text?: string } }[] }
        expect(outcome.issue.filter((i) => i.severity === 'error' || i.severity === 'fatal')).toEqual([])
      }
      const calendar = await download(page, t.actions.calendar)
      expect(calendar).toMatch(/^BEGIN:VCALENDAR\r\n[^]*DTSTART:\d{8}T\d{6}Z\r\n[^]*END:VCALENDAR\r\n$/)
      expect(calendar).not.toMatch(/Penicillin|Beispiel|1954/)
    })

    test('a case is saved, opened as it was, computed anew, deleted', async ({ page, guard }) => {
      await result(page)
      await page.getByRole('button', { name: t.actions.save }).click()
      const title = `e2e ${named(look)}`
      await page.getByLabel(t.actions.title, { exact: true }).fill(title)
      await page.getByRole('button', { name: t.actions.save }).last().click()
      await page.getByRole('status').getByRole('link', { name: t.nav.saved }).click()
      const saved = page.getByRole('article', { name: title }).first()
      await expect(saved).toBeVisible()
      await guard.check('saved')
      await saved.getByRole('button', { name: t.saved.open }).click()
      await expect(page.getByRole('button', { name: t.saved.recompute })).toBeVisible()
      await guard.check('as saved')
      await page.getByRole('button', { name: t.saved.recompute }).click()
      await expect(page.getByText(t.difference.none)).toBeVisible()
      await page.getByRole('link', { name: t.nav.saved }).first().click()
      await saved.getByRole('button', { name: t.saved.delete }).click()
      await saved.getByRole('button', { name: t.saved.really }).click()
      await expect(page.getByRole('article', { name: title })).toHaveCount(0)
    })

    test('guidelines: a question, its citations on their page, search in the reader', async ({ page, guard }) => {
      // A new server reads its demonstration guidelines first.
      await expect(async () => expect(await (await page.request.get('/api/guidelines')).text()).toMatch(/"status":"active".*"status":"active"/)).toPass({ timeout: 40_000 })
      await page.goto('/guidelines')
      await expect(page.getByRole('link', { name: look.lang === 'de' ? /Demo-Hausleitlinie/ : /Demo house guideline/ })).toBeVisible()
      await page.getByLabel(t.ask.question, { exact: true }).fill(look.lang === 'de' ? 'Wann wird von intravenös auf oral umgestellt?' : 'When to switch from intravenous to oral?')
      await page.keyboard.press('Enter')
      const answer = page.getByRole('region', { name: t.ask.answer })
      await expect(answer).toBeVisible()
      await answer.getByText(t.evidence.show).first().click()
      await expect(answer.locator('mark, [role=mark], [data-mark]').or(answer.getByText(shared.source.notFound)).first()).toBeVisible()
      await guard.check('answer')
      await answer.getByRole('link', { name: t.evidence.read }).first().click()
      await expect(page.getByRole('heading', { level: 1, name: t.reader.title })).toBeVisible()
      await page.getByLabel(t.reader.search).fill(look.lang === 'de' ? 'Allergie' : 'allergy')
      await expect(page.getByRole('search').getByRole('link').first()).toBeVisible()
      await guard.check('reader')
      await page.getByRole('search').getByRole('link').first().click()
      await expect(page.getByRole('region', { name: t.reader.page, exact: true })).toContainText(look.lang === 'de' ? /Allergie/ : /allerg/i)
    })
  })
}

test.describe('the pocket guideline', () => {
  test.use(using(desk))
  const t = texts.de.app

  test('is downloaded from the guidelines, made of the rules in force', async ({ page, guard }) => {
    await page.goto('/guidelines')
    const link = page.getByRole('link', { name: t.guidelines.pocket })
    await expect(link).toBeVisible()
    await guard.check('house guideline')
    const [file] = await Promise.all([page.waitForEvent('download'), link.click()])
    expect(file.suggestedFilename()).toBe('pocket-guideline-de.pdf')
    const pdf = readFileSync(await file.path())
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
    expect(pdf.length).toBeGreaterThan(50_000)
    // The hash that the page shows is the one the booklet is made of.
    const answer = await page.request.get('/api/pocket?language=de')
    const shown = await page.locator('section', { hasText: t.guidelines.house }).locator('.code').last().textContent()
    expect(shown).toMatch(/^[0-9a-f]{12}$/)
    expect(answer.headers().etag).toContain(shown ?? '')
  })
})

test.describe('by keyboard', () => {
  test.use(using(desk))
  const t = texts.de.app

  test('from the start page to an override that is saved, without a mouse', async ({ page, guard }) => {
    await asApproved(page)
    const press = (key: string) => page.keyboard.press(key)
    /** Goes on with Tab until this has the focus; a person gives up sooner than 120. */
    const reach = async (target: Locator) => {
      await expect(target).toBeVisible()
      for (let i = 0; i < 120 && !(await target.evaluate((e) => e === document.activeElement)); i++) await press('Tab')
      await expect(target).toBeFocused()
    }
    const field = (name: string) => page.locator(`#field-${name}`)
    await page.goto('/')
    await reach(page.getByRole('link', { name: t.start.form }))
    await press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: t.form.title })).toBeFocused()
    await reach(page.getByLabel(t.request.indication, { exact: true }).first())
    await page.keyboard.type('ambulant pneu')
    await expect(page.getByRole('option').first()).toBeVisible()
    await press('ArrowDown')
    await press('Enter')
    // One stop for a group of radio buttons; the arrows choose.
    const severity = page.getByRole('radio', { name: t.request.severe, exact: true })
    for (let i = 0; i < 120 && !(await page.evaluate(() => (document.activeElement as HTMLInputElement).type === 'radio')); i++) await press('Tab')
    for (let i = 0; i < 6 && !(await severity.isChecked()); i++) await press('ArrowDown')
    await expect(severity).toBeChecked()
    for (const [name, value] of [['age', '72'], ['weight', '68,5'], ['height', '165'], ['creatinine', '2,1']] as const) {
      await reach(field(name))
      await page.keyboard.type(value)
      if (name === 'age') {
        await reach(page.getByLabel(t.form.sex, { exact: true }))
        await page.keyboard.type(t.form.female.slice(0, 3))
        await expect(page.getByLabel(t.form.sex, { exact: true })).toHaveValue('female')
      }
    }
    await reach(page.getByRole('button', { name: t.form.submit }))
    await press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: t.review.title })).toBeFocused()
    await reach(page.getByRole('link', { name: t.review.toResult }))
    await press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: t.result.title })).toBeFocused()
    const first = page.getByRole('article').first()
    await press('j')
    await expect(first).toBeFocused()
    await press('e')
    await expect(page.locator('[data-selected]')).toBeFocused()
    await press('Escape')
    await expect.poll(() => first.evaluate((card) => card.contains(document.activeElement))).toBe(true)
    await press('o')
    await reach(first.getByRole('button', { name: t.decision.reasons['patient-refuses'] }))
    const kept = page.waitForResponse((r) => r.url().includes('/feedback') && r.request().method() === 'POST')
    await press('Enter')
    expect((await kept).status()).toBe(204)
    await expect(page.getByText(t.decision.saidOverridden)).toBeVisible()
    await guard.check('overridden by keyboard')
    await reach(page.getByRole('button', { name: t.actions.save }))
    await press('Enter')
    await expect(page.getByLabel(t.actions.title, { exact: true })).toBeFocused()
    await press('ControlOrMeta+a')
    await page.keyboard.type('e2e by keyboard')
    await press('Enter')
    await expect(page.getByText(t.actions.saved).first()).toBeVisible()
    const list = (await (await page.request.get('/api/cases')).json()) as { cases: { id: string; title: string }[] }
    for (const { id } of list.cases.filter((c) => c.title === 'e2e by keyboard')) await page.request.delete(`/api/cases/${id}`)
  })

  test('J, K, E, A, O, / and ?, and the switch that turns them off', async ({ page, guard }) => {
    await asApproved(page)
    await page.goto('/')
    await page.getByRole('button', { name: /Penicillin/ }).click()
    await page.getByRole('link', { name: t.review.toResult }).click()
    const cards = page.getByRole('article')
    await expect(cards.first()).toBeVisible()
    await page.keyboard.press('j')
    await expect(cards.nth(0)).toBeFocused()
    await page.keyboard.press('j')
    await expect(cards.nth(1)).toBeFocused()
    await page.keyboard.press('k')
    await page.keyboard.press('e')
    await expect(page.locator('[data-selected]')).toBeFocused()
    await page.keyboard.press('Escape')
    await page.keyboard.press('o')
    await expect(cards.nth(0).getByRole('button', { name: t.decision.reasons['patient-refuses'] })).toBeVisible()
    await page.keyboard.press('?')
    await expect(page.getByRole('dialog', { name: t.keys.title })).toBeVisible()
    await guard.check('keys')
    await page.getByLabel(t.keys.on).uncheck()
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.keyboard.press('a')
    await expect(page.getByText(t.decision.saidAccepted)).toHaveCount(0)
    await expect(page.getByRole('heading', { level: 1, name: t.result.title })).toBeVisible()
  })
})
