import type { Page } from '@playwright/test'
import { expect, looks, named, test, using } from './test.ts'
import { texts } from './texts.ts'

// A library in CQL, from nothing to a condition that names one of its definitions.

async function as(page: Page, person: 'curator'): Promise<void> {
  expect((await page.request.post('/api/session', { data: { person } })).ok()).toBe(true)
}

for (const look of looks.filter((l) => l.width >= 360)) {
  test.describe(`CQL, ${named(look)}`, () => {
    test.use(using(look))
    const t = texts[look.lang].admin.rules
    const id = `cql-${look.lang}-${look.width}`

    test('is written with completion, faults at their place, and its value on a patient', async ({ page, guard }) => {
      test.setTimeout(120_000)
      guard.expectFailed(422) // what is tried while it is half written
      await as(page, 'curator')
      await page.goto('/admin/rules/new')
      await page.getByLabel(t.kind, { exact: true }).selectOption('library')
      await page.getByLabel(t.titleDe).fill(`Bibliothek ${id}`)
      await page.getByLabel(t.titleEn).fill(`Library ${id}`)
      await page.getByLabel(t.id).fill(id)
      await page.getByRole('button', { name: t.begin }).click()
      await expect(page).toHaveURL(/\/admin\/rules\/Library\//)

      // Completion with the keyboard alone.
      const source = page.getByRole('textbox', { name: t.source })
      await source.focus()
      await page.keyboard.press('Control+End')
      await page.keyboard.type('define "Seen": Patient.birthD')
      const offered = page.getByRole('list', { name: t.completions })
      await expect(offered.getByRole('button', { name: /birthDate/ })).toBeVisible()
      await guard.check('completion')
      await page.keyboard.press('Control+Space')
      await page.keyboard.press('Enter')
      await expect(source).toBeFocused()
      await expect(source).toHaveValue(/Patient\.birthDate$/)
      await page.keyboard.type(' is not null\ndefine "Wrong": Patient.birthdate')

      // A fault leads to its place.
      const faults = page.getByRole('list', { name: t.problems })
      await expect(faults).toContainText('birthdate')
      await guard.check('fault')
      await faults.getByRole('button').click()
      await expect.poll(() => source.evaluate((e) => (e as HTMLTextAreaElement).value.slice((e as HTMLTextAreaElement).selectionStart))).toBe('birthdate')
      await page.keyboard.press('Shift+Control+End')
      await page.keyboard.type('birthDate > @2200-01-01')
      await expect(faults).toHaveCount(0)

      // A definition on a patient, with what it rests on.
      await page.getByLabel(t.tryOn).selectOption('example:cap-moderate')
      await page.getByLabel(t.definition).selectOption('"Adult"')
      await expect(page.getByRole('status').filter({ hasText: t.worth })).toContainText('true')
      await page.getByLabel(t.definition).selectOption('"Wrong"')
      await expect(page.getByRole('status').filter({ hasText: t.worth })).toContainText('false')
      await guard.check('value')
      await page.getByRole('button', { name: t.save, exact: true }).click()
      await expect(page.getByText(t.saved, { exact: true })).toBeVisible()

      // A rule names the library, and a condition one of its definitions.
      await page.goto('/admin/rules/new')
      await page.getByLabel(t.kind, { exact: true }).selectOption('notice')
      await page.getByLabel(t.titleDe).fill(`Hinweis ${id}`)
      await page.getByLabel(t.titleEn).fill(`Notice ${id}`)
      await page.getByLabel(t.id).fill(`notice-${id}`)
      await page.getByRole('button', { name: t.begin }).click()
      await expect(page).toHaveURL(/\/admin\/rules\/PlanDefinition\//)
      const libraries = page.getByRole('group', { name: t.libraries })
      await libraries.getByRole('combobox').selectOption({ label: look.lang === 'de' ? `Bibliothek ${id}` : `Library ${id}` })
      await page.getByRole('button', { name: t.save, exact: true }).click()
      await expect(page.getByText(t.saved, { exact: true })).toBeVisible()
      const condition = page.getByRole('group', { name: t.conditionNo.replace('{{n}}', '1') })
      await page.getByRole('button', { name: t.addCondition }).click()
      await condition.getByRole('button', { name: t.asText }).click()
      await condition.getByRole('combobox', { name: t.language }).selectOption('text/cql-identifier')
      const text = condition.getByRole('textbox')
      await text.fill('"Ad')
      await condition.getByRole('list', { name: t.completions }).getByRole('button', { name: /Adult/ }).click()
      await expect(text).toHaveValue('"Adult"')
      await page.getByLabel(t.tryOn).selectOption('example:cap-moderate')
      await expect(condition.getByRole('status')).toContainText('true')
      await guard.check('condition')
      await page.getByRole('button', { name: t.save, exact: true }).click()
      await expect(page.getByText(t.saved, { exact: true })).toBeVisible()
      await page.getByRole('tab', { name: t.tabs.debugger }).click()
      await page.getByLabel(t.tryOn).selectOption('example:cap-moderate')
      await expect(page.getByRole('region', { name: `Hinweis ${id}` })).toContainText('true')
      await guard.check('run')
    })
  })
}
