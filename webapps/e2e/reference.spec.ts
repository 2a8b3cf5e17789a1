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

type Action = { actions: Action[]; regimen: { name: string } | null; citations: { document: string; page: number | null }[] }

/** The first regimen that cites a page of the document, with the beginning of its substance's name there. */
function firstCited(actions: Action[], document: string): { page: number; word: string } | undefined {
  for (const action of actions) {
    const cited = action.citations.find((c) => c.document === document && c.page !== null)
    // The guideline calls benzylpenicillin Penicillin G.
    const name = action.regimen?.name.replace(/^Benzyl/, '')
    if (name && cited?.page) return { page: cited.page, word: name.slice(0, 6) }
    const below = firstCited(action.actions, document)
    if (below) return below
  }
  return undefined
}

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

    // A source row of every plan beside the page it cites: the reviewer reads both at once.
    const { planDefinitions } = (await (await page.request.get('/api/plandefinitions')).json()) as { planDefinitions: { id: string }[] }
    let beside = 0
    for (const { id } of planDefinitions) {
      const { view } = (await (await page.request.get(`/api/plandefinitions/${id}?language=de`)).json()) as { view: { actions: Action[] } }
      const first = firstCited(view.actions, document.identifier)
      if (!first) continue
      await page.goto(`/admin/plans/${id}`)
      await page.getByRole('button', { name: new RegExp(`${document.identifier}.*S\\. ${first.page}( ·|$)`) }).first().click()
      const panel = page.getByRole('region', { name: t.admin.plans.sourcePanel })
      await expect(panel).toContainText(`S. ${first.page}`)
      await expect.soft(panel, `${id}, page ${first.page}`).toContainText(new RegExp(first.word, 'i'), { timeout: 4000 })
      beside++
    }
    expect(beside).toBeGreaterThanOrEqual(36)
    await guard.check('beside')

    await page.goto('/admin/guidelines')
    await page.getByRole('button', { name: t.admin.guidelines.deleteOf.replace('{{title}}', document.title) }).click()
    await page.getByRole('button', { name: t.admin.guidelines.deleteConfirm }).click()
    await expect(row).toHaveCount(0)
  })
})
