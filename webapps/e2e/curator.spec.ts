import { existsSync } from 'node:fs'
import type { Page } from '@playwright/test'
import { expect, looks, test, using } from './test.ts'
import { texts } from './texts.ts'

// The whole loop: a guideline as PDF, a house regimen bound to one of its passages,
// its release by a second person, its use and override in both ways, and back.

const file = '/usr/share/developers-reference/developers-reference.pdf'
const desk = looks[1]
if (!desk) throw new Error('no look')

test.use({ ...using(desk), actionTimeout: 15_000 })
test.skip(!existsSync(file), 'the package developers-reference is absent')

const t = texts.en.admin.rules
const g = texts.en.admin.guidelines
const app = texts.en.app

async function as(page: Page, person: 'curator' | 'approver' | 'clinician'): Promise<void> {
  expect((await page.request.post('/api/session', { data: { person } })).ok()).toBe(true)
}

let interactions = 0
const count = async (doing: Promise<unknown>) => {
  interactions++
  await doing
}

async function take(page: Page, step: string): Promise<void> {
  await count(page.getByRole('button', { name: step, exact: true }).first().click())
  await count(page.getByRole('dialog').getByRole('button', { name: step, exact: true }).click())
}

async function addCase(page: Page, title: string, example: string, want: string, words: string): Promise<void> {
  await count(page.getByRole('button', { name: t.addCase, exact: true }).click())
  const form = page.getByRole('form', { name: t.addCase })
  await count(form.getByLabel(t.caseTitle).fill(title))
  await count(form.getByLabel(t.patient, { exact: true }).selectOption(example))
  await count(form.getByRole('combobox', { name: t.expected }).selectOption(want))
  await count(form.getByRole('textbox', { name: t.wantValue }).fill(words))
  await count(form.getByRole('button', { name: t.saveCase }).click())
  await expect(form).toHaveCount(0)
}

const hookCards = async (page: Page) => {
  const hook = (await (await page.request.get('/api/examples/cap-moderate/hook')).json()) as object
  const answer = (await (await page.request.post('/cds-services/abs-patient-view', { data: hook, headers: { 'Accept-Language': 'en' } })).json()) as {
    cards: { summary: string; detail: string }[]
  }
  return answer.cards.map((c) => `${c.summary}\n${c.detail}`).join('\n')
}

test('a house regimen, from the PDF it rests on to its override, and back', async ({ page, guard }) => {
  test.setTimeout(300_000)
  guard.expectFailed(422)
  const title = 'House guideline of the ward'
  const rule = 'Pneumonia on our ward'

  // Kurt brings the guideline in; Anna approves it.
  await as(page, 'curator')
  await page.goto('/admin/guidelines')
  const chooser = page.waitForEvent('filechooser')
  await page.getByLabel(g.file, { exact: true }).click()
  await (await chooser).setFiles(file)
  await page.getByLabel(g.identifier, { exact: true }).fill('e2e-house')
  await page.getByLabel(g.name, { exact: true }).fill(title)
  await page.getByLabel(g.version, { exact: true }).fill('12')
  await page.getByRole('button', { name: g.send, exact: true }).click()
  const row = page.getByRole('row', { name: new RegExp(title) })
  await expect(row).toContainText(g.statuses.draft, { timeout: 60_000 })
  await as(page, 'approver')
  await page.goto('/admin/guidelines')
  const approve = page.getByRole('button', { name: g.approveOf.replace('{{title}}', title) })
  await expect(approve).toBeEnabled({ timeout: 120_000 })
  await approve.click()
  await expect(row).toContainText(g.statuses.active)

  // Kurt writes what is offered for an indication and binds it to a passage.
  await as(page, 'curator')
  await page.goto('/admin/rules')
  await count(page.getByRole('link', { name: t.new }).click())
  await count(page.getByLabel(t.kind, { exact: true }).selectOption('regimens'))
  await count(page.getByLabel(t.titleDe).fill('Pneumonie auf unserer Station'))
  await count(page.getByLabel(t.titleEn).fill(rule))
  await count(page.getByRole('combobox', { name: t.indication }).fill('Community'))
  await count(page.getByRole('option', { name: /Community-acquired pneumonia/ }).click())
  await count(page.getByLabel(t.id).fill('ward-pneumonia'))
  await count(page.getByRole('button', { name: t.begin }).click())
  await expect(page).toHaveURL(/\/admin\/rules\/PlanDefinition\//)
  const address = page.url()
  const substance = page.getByRole('combobox', { name: t.regimen })
  await count(substance.selectOption({ label: 'ceftriaxone 2 g IV once daily (every 24 h)' }))
  const option = page.getByRole('region', { name: 'choice/all/action-1', exact: true })
  await count(option.getByLabel(t.findPassage).first().fill('Orphaning a package'))
  await count(option.getByRole('button', { name: t.find, exact: true }).first().click())
  await count(option.getByRole('listitem').filter({ hasText: title }).first().getByRole('button', { name: t.bind }).click())
  await expect(option.getByText(t.bound).first()).toBeVisible()
  await guard.check('regimen')
  await count(page.getByRole('button', { name: t.save, exact: true }).click())
  await expect(page.getByText(t.saved, { exact: true })).toBeVisible()

  // Two cases; the second expects what will not come, and the release is refused.
  await count(page.getByRole('tab', { name: t.tabs.cases }).click())
  await addCase(page, 'Moderate pneumonia', 'cap-moderate', 'offers', 'J01DD04')
  await addCase(page, 'Anaphylaxis to penicillin', 'cap-penicillin-anaphylaxis', 'offers', 'J01CR02')
  await count(page.getByRole('button', { name: t.runCases }).click())
  await expect(page.getByText(t.ran.replace('{{passed}}', '1').replace('{{failed}}', '1'))).toBeVisible()
  await guard.check('cases')
  await take(page, t.steps.submit)
  await expect(page.getByText(t.awaitsApprover)).toBeVisible()
  await as(page, 'approver')
  await page.goto(address)
  await take(page, t.steps.approve)
  await take(page, t.steps.release)
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('fails')
  await page.getByRole('dialog').getByRole('button', { name: texts.en.admin.system.cancel }).click()

  await as(page, 'curator')
  await page.goto(address)
  await count(page.getByRole('tab', { name: t.tabs.cases }).click())
  await count(page.getByRole('button', { name: t.editOf.replace('{{what}}', 'Anaphylaxis to penicillin') }).click())
  const form = page.getByRole('form', { name: t.edit })
  await count(form.getByRole('combobox', { name: t.expected }).selectOption('neverOffers'))
  await count(form.getByRole('button', { name: t.saveCase }).click())
  await expect(form).toHaveCount(0)
  await as(page, 'approver')
  await page.goto(address)
  await take(page, t.steps.release)
  await expect(page.getByText(t.states.released, { exact: true })).toBeVisible()
  expect(interactions, 'interactions from nothing to released').toBeLessThanOrEqual(60)
  await guard.check('released')

  // It answers the hook, with the passage, and in the clinician's app; nothing is an example.
  await as(page, 'clinician')
  await expect.poll(() => hookCards(page)).toContain(title)
  expect(await hookCards(page)).not.toContain('EXAMPLE')
  await page.goto('/')
  await page.getByRole('button', { name: /Moderate pneumonia/ }).click()
  await page.getByRole('link', { name: app.review.toResult }).click()
  const card = page.getByRole('article').first()
  await expect(card).toContainText(/ceftriaxone/i)
  await card.getByRole('button', { name: /e2e-house/ }).first().click()
  await expect(page.locator('li[data-selected]').getByRole('blockquote')).toContainText('Orphaning a package')
  await guard.check('in the app')

  // It is overridden there, with a reason, which stands with the rule.
  await card.getByRole('button', { name: app.decision.override }).click()
  await card.getByRole('button', { name: app.decision.reasons['service-not-available'] }).click()
  await expect(page.getByText(app.decision.saidOverridden)).toBeVisible()
  await as(page, 'approver')
  await page.goto(address)
  await page.getByRole('tab', { name: t.tabs.happened }).click()
  await expect(page.getByRole('region', { name: t.reasons }).getByRole('listitem').first()).toBeVisible()
  await guard.check('reasons')

  // Out of force, what ships answers again; and back, and out.
  await page.goto(address)
  await take(page, t.steps.retire)
  await expect(page.getByText(t.states.retired, { exact: true })).toBeVisible()
  await expect.poll(() => hookCards(page)).toContain('EXAMPLE')
  await take(page, t.steps.rollback)
  await expect(page.getByText(t.states.released, { exact: true })).toBeVisible()
  await expect.poll(() => hookCards(page)).toContain(title)
  await take(page, t.steps.retire)
  await expect(page.getByText(t.states.retired, { exact: true })).toBeVisible()
  await page.goto('/admin/guidelines')
  await page.getByRole('button', { name: g.retireOf.replace('{{title}}', title) }).click()
  await expect(row).toContainText(g.statuses.retired)
  console.log(`interactions from nothing to released: ${interactions}`)
})
