import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, looks, test, using } from './test.ts'
import { texts } from './texts.ts'

// The guideline that the example rules cite is not ours to ship. Where the
// reference data lie beside the project, it is uploaded as an operator would.
const folder = join(process.env.REFERENCE_DATA_DIR ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'data'), 'guideline-s2k')
const file = 's2k_parenterale_antibiotika.md'

const desk = looks[0]
if (!desk) throw new Error('no look')

test.describe('with the guideline loaded', () => {
  test.use(using(desk))
  test.skip(!existsSync(join(folder, file)), 'reference data folder absent')
  const t = texts.de

  test('a cited page is quoted after approval, and not before', async ({ page, guard }) => {
    test.setTimeout(180_000)
    const about = JSON.parse(readFileSync(join(folder, 'documents.json'), 'utf8')) as Record<string, { identifier: string; title: string; version: string }>
    const document = about[file]
    if (!document) throw new Error(`documents.json does not name ${file}`)

    const openEvidence = async () => {
      await page.goto('/')
      await page.getByRole('button', { name: /Penicillin/ }).click()
      await page.getByRole('link', { name: t.app.review.toResult }).click()
      await page.getByRole('article').first().getByRole('button', { name: new RegExp(document.identifier) }).first().click()
      return page.locator('li[data-selected]')
    }
    const before = await openEvidence()
    await expect(before).toContainText(t.shared.citation.noQuote)
    await expect(before.getByRole('blockquote')).toHaveCount(0)

    await page.goto('/admin/guidelines')
    const chooser = page.waitForEvent('filechooser')
    await page.getByLabel(t.admin.guidelines.file, { exact: true }).click()
    await (await chooser).setFiles(join(folder, file))
    await page.getByLabel(t.admin.guidelines.identifier, { exact: true }).fill(document.identifier)
    await page.getByLabel(t.admin.guidelines.name, { exact: true }).fill(document.title)
    await page.getByLabel(t.admin.guidelines.version, { exact: true }).fill(document.version)
    await page.getByLabel(t.admin.guidelines.validUntil).fill('2023-07-31')
    await page.getByRole('button', { name: t.admin.guidelines.send, exact: true }).click()
    const approve = page.getByRole('button', { name: t.admin.guidelines.approveOf.replace('{{title}}', document.title) })
    await expect(approve).toBeEnabled({ timeout: 120_000 })
    await approve.click()
    const row = page.getByRole('row', { name: new RegExp(document.title) })
    await expect(row).toContainText(t.admin.guidelines.statuses.active)
    await expect(row).toContainText(t.admin.guidelines.expired)

    const after = await openEvidence()
    await expect(after.getByRole('blockquote')).toBeVisible()
    await expect(after).not.toContainText(t.shared.citation.noQuote)
    await guard.check('quoted', 'no picture')

    await page.goto('/admin/guidelines')
    await page.getByRole('button', { name: t.admin.guidelines.deleteOf.replace('{{title}}', document.title) }).click()
    await page.getByRole('button', { name: t.admin.guidelines.deleteConfirm }).click()
    await expect(row).toHaveCount(0)
  })
})
