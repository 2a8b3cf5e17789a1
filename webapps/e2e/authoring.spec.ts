import type { Page } from '@playwright/test'
import { expect, looks, test, using } from './test.ts'
import { texts } from './texts.ts'

const [desk] = looks
if (!desk) throw new Error('no look')

const t = texts.de.admin.rules
const cancel = texts.de.admin.system.cancel

test.use(using(desk))

/** Chooses one of the people of the demonstration; four eyes compare them. */
async function as(page: Page, person: 'curator' | 'approver' | 'clinician'): Promise<void> {
  const answer = await page.request.post('/api/session', { data: { person } })
  expect(answer.ok()).toBe(true)
}

/** Counts what a person does: each click, each field, each choice. */
let interactions = 0
const count = async (doing: Promise<unknown>) => {
  interactions++
  await doing
}

async function take(page: Page, step: string): Promise<void> {
  await count(page.getByRole('button', { name: step, exact: true }).first().click())
  await count(page.getByRole('dialog').getByRole('button', { name: step, exact: true }).click())
}

async function addCase(page: Page, title: string, example: string, want: string | null, words: string): Promise<void> {
  await count(page.getByRole('button', { name: t.addCase, exact: true }).click())
  const form = page.getByRole('form', { name: t.addCase })
  await count(form.getByLabel(t.caseTitle).fill(title))
  await count(form.getByLabel(t.patient, { exact: true }).selectOption(example))
  if (want) await count(form.getByRole('combobox', { name: t.expected }).selectOption(want))
  await count(form.getByRole('textbox', { name: t.wantValue }).fill(words))
  await count(form.getByRole('button', { name: t.saveCase }).click())
  await expect(form).toHaveCount(0)
  await expect(page.getByRole('heading', { level: 2, name: title })).toBeVisible()
}

test('a rule from nothing to its release, its card, its override, and back', async ({ page, guard }) => {
  test.setTimeout(300_000)
  guard.expectFailed(422)
  interactions = 0

  // Kurt writes a rule and binds it to a passage.
  await as(page, 'curator')
  await page.goto('/admin/rules')
  await expect(page.getByRole('table')).toBeVisible()
  await guard.check('list')
  await count(page.getByRole('link', { name: t.new }).click())
  await count(page.getByLabel(t.titleDe).fill('Hausregel zu {substance}: Dauer festlegen'))
  await count(page.getByLabel(t.titleEn).fill('House rule on {substance}: set the duration'))
  await count(page.getByLabel(t.id).fill('house-duration'))
  await guard.check('new rule')
  await count(page.getByRole('button', { name: t.begin }).click())
  await expect(page).toHaveURL(/\/admin\/rules\/PlanDefinition\//)
  const address = page.url()
  const action = page.getByRole('region', { name: /^Hausregel/ })
  await count(action.getByLabel(t.substances).fill('J01CR'))
  await count(action.getByLabel(t.effect).selectOption('exclude'))
  await count(action.getByRole('button', { name: t.addCondition }).click())
  await count(action.getByRole('combobox', { name: t.fact }).selectOption('indication'))
  await count(action.getByRole('combobox', { name: t.value, exact: true }).selectOption('community-acquired-pneumonia'))
  await count(page.getByLabel(t.tryOn).selectOption('example:cap-moderate'))
  await expect(action.getByText(t.outcome.true).first()).toBeVisible()
  await count(action.getByLabel(t.findPassage).fill('Dauer der Therapie'))
  await count(action.getByRole('button', { name: t.find, exact: true }).click())
  await count(action.getByRole('button', { name: t.bind }).first().click())
  await expect(action.getByText(t.bound)).toBeVisible()
  await guard.check('form')
  await count(page.getByRole('button', { name: t.save, exact: true }).click())
  await expect(page.getByText(t.saved, { exact: true })).toBeVisible()

  // Two cases, of which the second expects what will not come.
  await count(page.getByRole('tab', { name: t.tabs.cases }).click())
  await addCase(page, 'Pneumonie ohne Allergie', 'cap-moderate', 'excludes', 'J01CR')
  await addCase(page, 'Urosepsis', 'urosepsis-ckd', 'excludes', 'J01CR')
  await count(page.getByRole('button', { name: t.runCases }).click())
  await expect(page.getByText(t.ran.replace('{{passed}}', '1').replace('{{failed}}', '1'))).toBeVisible()
  await guard.check('cases')
  await take(page, t.steps.submit)
  await expect(page.getByText(t.awaitsApprover)).toBeVisible()

  // Anna approves; the release is refused, since a case fails.
  await as(page, 'approver')
  await page.goto(address)
  await take(page, t.steps.approve)
  await take(page, t.steps.release)
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('fails')
  await guard.check('release refused')
  await page.getByRole('dialog').getByRole('button', { name: cancel }).click()

  // Kurt mends the case, and Anna releases.
  await as(page, 'curator')
  await page.goto(address)
  await count(page.getByRole('tab', { name: t.tabs.cases }).click())
  await count(page.getByRole('button', { name: t.editOf.replace('{{what}}', 'Urosepsis') }).click())
  const form = page.getByRole('form', { name: t.edit })
  await expect(form.getByRole('textbox', { name: t.wantValue })).toHaveValue('J01CR')
  await count(form.getByRole('combobox', { name: t.expected }).selectOption('doesNotSay'))
  await count(form.getByRole('textbox', { name: t.wantValue }).fill('hausregel|house rule'))
  await count(form.getByRole('button', { name: t.saveCase }).click())
  await expect(form).toHaveCount(0)
  await as(page, 'approver')
  await page.goto(address)
  await take(page, t.steps.release)
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page.getByText(t.states.released, { exact: true })).toBeVisible()
  expect(interactions, 'interactions from nothing to released').toBeLessThanOrEqual(60)
  await guard.check('released')

  // Its card on an order, by a CDS Hooks call, and its warning in the clinician's app.
  await as(page, 'clinician')
  const hook = (await (await page.request.get('/api/examples/cap-penicillin-anaphylaxis/hook?hook=order-sign')).json()) as object
  // The same card is not shown twice, so the first that comes is kept.
  let card: { summary: string; uuid: string } | undefined
  await expect
    .poll(async () => {
      const answer = (await (await page.request.post('/cds-services/abs-order-sign', { data: hook, headers: { 'Accept-Language': 'de' } })).json()) as {
        cards: { summary: string; uuid: string }[]
      }
      card ??= answer.cards.find((c) => c.summary.includes('Hausregel zu'))
      return card !== undefined
    })
    .toBe(true)
  const app = texts.de.app
  await page.goto('/')
  await page.getByRole('button', { name: /Mittelschwere Pneumonie/ }).click()
  await page.getByRole('link', { name: app.review.toResult }).click()
  await expect(page.getByRole('heading', { level: 2, name: app.result.options })).toBeVisible()
  await expect(page.getByText(/Hausregel zu (Amoxicillin|Ampicillin)/).first()).toBeAttached()
  await guard.check('in the app')

  // It is overridden there, with a reason.
  const told = await page.request.post('/cds-services/abs-order-sign/feedback', {
    data: {
      feedback: [
        {
          card: card?.uuid,
          outcome: 'overridden',
          outcomeTimestamp: new Date().toISOString(),
          overrideReason: { reason: { code: 'clinical-judgement', system: 'https://example.org/reasons', display: 'Dauer steht schon fest' } },
        },
      ],
    },
  })
  expect(told.ok()).toBe(true)

  // The reason stands with the rule.
  await as(page, 'approver')
  await page.goto(address)
  await page.getByRole('tab', { name: t.tabs.happened }).click()
  await expect(page.getByRole('region', { name: t.reasons }).getByRole('listitem')).toHaveCount(1)
  await guard.check('what happened')
  await page.goto('/admin/feedback')
  await expect(page.getByRole('table')).toBeVisible()
  await guard.check('feedback')
  await page.goto('/admin/decisions')
  await expect(page.getByRole('table')).toBeVisible()
  await guard.check('decisions')

  // The link on a card leads to the decision behind it.
  await page.goto(`/admin/decisions?card=${card?.uuid ?? ''}`)
  await expect(page.getByRole('region', { name: t.decision, exact: true })).toContainText('abs-order-sign')
  await guard.check('decision of a card')

  // The rule goes out of force, and back to what it was.
  await page.goto(address)
  await take(page, t.steps.retire)
  await expect(page.getByText(t.states.retired, { exact: true })).toBeVisible()
  await take(page, t.steps.rollback)
  await expect(page.getByText(t.states.released, { exact: true })).toBeVisible()
  await page.getByRole('tab', { name: t.tabs.history }).click()
  await expect(page.getByRole('table')).toBeVisible()
  await guard.check('history')
  console.log(`interactions from nothing to released: ${interactions}`)

  // What comes after finds the rules as they are shipped.
  await take(page, t.steps.retire)
  await expect(page.getByText(t.states.retired, { exact: true })).toBeVisible()
})
