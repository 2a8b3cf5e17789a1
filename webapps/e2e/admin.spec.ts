import type { Page } from '@playwright/test'
import { expect, looks, named, test, using, type Look } from './test.ts'
import { texts, withValue } from './texts.ts'

// A guideline of our own making: two pages, one table.
const text = `# Prüfleitlinie Wespenstich

Seite 1

## Erkennung

Ein Wespenstich rötet die Haut und ist selten infiziert. Das Kennwort der Prüfung ist Quittenmarmelade.

## Behandlung

| Lage | Mittel | Dauer |
|---|---|---|
| nicht infiziert | Kühlung | 1 Tag |
| infiziert | Vorstellung | sofort |
`

async function upload(page: Page, look: Look, name: string, bytes: string, title: string): Promise<void> {
  const t = texts[look.lang].admin.guidelines
  const chooser = page.waitForEvent('filechooser')
  await page.getByLabel(t.file, { exact: true }).click()
  await (await chooser).setFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(bytes, 'latin1') })
  await page.getByLabel(t.identifier).fill(`e2e-${look.lang}-${look.width}`)
  await page.getByLabel(t.name, { exact: true }).fill(title)
  await page.getByLabel(t.version, { exact: true }).fill('1.0')
  await page.getByRole('button', { name: t.send, exact: true }).click()
}

for (const look of looks) {
  test.describe(named(look), () => {
    test.use(using(look))
    const t = texts[look.lang].admin

    test('a guideline, from upload to deletion', async ({ page, guard }) => {
      guard.expectFailed(415)
      guard.expectFailed(422)
      const title = `Wespenstich ${named(look)}`
      const utf8 = Buffer.from(text).toString('latin1')
      await page.goto('/admin/')
      await expect(page.getByText(t.overview.databaseOk)).toBeVisible()
      await guard.check('overview')
      await page.getByRole('link', { name: t.nav.guidelines, exact: true }).first().click()
      await expect(page.getByRole('heading', { level: 1, name: t.guidelines.title })).toBeFocused()
      await expect(page.getByRole('table')).toBeVisible()
      await guard.check('guidelines')

      await page.getByRole('button', { name: t.guidelines.send, exact: true }).click()
      await expect(page.getByText(t.guidelines.noFile)).toBeVisible()
      await upload(page, look, 'picture.md', '\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00', 'no text')
      await expect(page.getByRole('alert')).toBeVisible()
      await guard.check('no text')
      const stored = (await (await page.request.get('/api/guidelines')).json()) as { guidelines: { fileName: string }[] }
      expect(stored.guidelines.map((g) => g.fileName)).not.toContain('picture.md')

      await page.getByLabel(t.guidelines.indications).first().click()
      await guard.check('choosing indications')
      await page.keyboard.press('Escape')
      await upload(page, look, 'wasp.md', utf8, title)
      const row = page.getByRole('row', { name: new RegExp(title) })
      await expect(row).toBeVisible()
      await expect(row.getByText(t.guidelines.statuses.draft)).toBeVisible()
      await guard.check('uploaded')
      const approve = page.getByRole('button', { name: t.guidelines.approveOf.replace('{{title}}', title) })
      await expect(approve).toBeEnabled()
      await approve.click()
      await expect(row.getByText(t.guidelines.statuses.active)).toBeVisible()

      await page.getByRole('link', { name: title }).click()
      await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible()
      const passage = page.getByRole('listitem').filter({ hasText: 'Quittenmarmelade' }).first()
      await passage.getByRole('button', { name: t.detail.show }).click()
      await expect(page.getByRole('region', { name: t.detail.source }).getByText('Quittenmarmelade')).toBeVisible()
      await expect(page.locator('[role=mark]')).toContainText('Quittenmarmelade')
      await guard.check('passages beside the source')
      await page.getByLabel(t.detail.search).fill('Vorstellung')
      await expect(page.getByRole('listitem').filter({ hasText: 'Quittenmarmelade' })).toHaveCount(0)

      await page.getByRole('link', { name: t.nav.search }).click()
      await expect(page.getByRole('heading', { level: 1, name: t.search.title })).toBeVisible()
      await guard.check('search, nothing asked')
      await page.getByLabel(t.search.query).fill('Wespenstich Quittenmarmelade')
      await page.getByRole('button', { name: t.search.run, exact: true }).click()
      const hit = page.getByRole('article').filter({ hasText: title }).first()
      await expect(hit).toBeVisible()
      await expect(hit.getByText(t.search.parts)).toBeVisible()
      await expect(hit.getByText(/quittenmarmelad/i).nth(1)).toBeVisible()
      await expect(page.getByRole('heading', { name: t.search.built })).toBeVisible()
      await guard.check('search with results')

      await page.getByRole('link', { name: t.nav.guidelines, exact: true }).first().click()
      await page.getByRole('button', { name: t.guidelines.retireOf.replace('{{title}}', title) }).click()
      await expect(row.getByText(t.guidelines.statuses.retired)).toBeVisible()
      const remove = page.getByRole('button', { name: t.guidelines.deleteOf.replace('{{title}}', title) })
      await remove.click()
      await expect(page.getByRole('dialog')).toBeVisible()
      await expect(page.getByRole('button', { name: t.guidelines.cancel })).toBeFocused()
      await guard.check('delete?')
      await page.keyboard.press('Escape')
      await expect(page.getByRole('dialog')).toHaveCount(0)
      await expect(remove).toBeFocused()
      await remove.click()
      await page.getByRole('button', { name: t.guidelines.deleteConfirm }).click()
      await expect(row).toHaveCount(0)
    })

    test('rules and the retrieval lab', async ({ page, guard }) => {
      await page.goto('/admin/plans')
      await expect(page).toHaveURL(/\/admin\/rules$/)
      await expect(page.getByRole('table')).toBeVisible()
      await guard.check('rules')
      await page.goto('/admin/plans/regimens-community-acquired-pneumonia')
      await expect(page.getByText(t.plans.experimentalHint)).toBeVisible()
      await expect(page.getByText(t.plans.conditions).first()).toBeVisible()
      await page.getByLabel(t.plans.filterActions).fill('Moxifloxacin')
      await expect(page.getByText('400').first()).toBeVisible()
      await page.getByRole('button', { name: new RegExp(texts[look.lang].shared.citation.show) }).first().click()
      await expect(page.getByRole('region', { name: t.plans.sourcePanel }).getByText('awmf-082-006').first()).toBeVisible()
      await guard.check('rule with its source')

      await page.goto('/admin/search')
      await expect(page.getByRole('heading', { level: 1, name: t.search.title })).toBeVisible()
      await page.getByLabel(t.search.structured).check()
      await page.getByRole('button', { name: t.search.run, exact: true }).click()
      await expect(page.getByText(t.search.needIndication)).toBeVisible()
      await guard.check('structured search with a fault')
      await page.getByLabel(t.search.indication).selectOption('urosepsis')
      await page.getByRole('button', { name: t.search.run, exact: true }).click()
      await expect(page.getByRole('heading', { name: t.search.built })).toBeVisible()
      await guard.check('structured search')
      await page.getByLabel(t.search.free).check()
      await page.getByLabel(t.search.query).fill('Tretbootverleih Öffnungszeiten')
      await page.getByRole('button', { name: t.search.run, exact: true }).click()
      await expect(page.getByRole('heading', { name: t.search.abstained })).toBeVisible()
      await guard.check('search abstains')
    })
  })
}

const desk = looks[0]
if (!desk) throw new Error('no look')

test.describe('administration', () => {
  test.use(using(desk))
  const t = texts.de.admin

  test('a server that fails is said, with the way to try again', async ({ page, guard }) => {
    guard.expectFailed(500)
    await page.route('**/api/guidelines', (route) =>
      route.fulfill({ status: 500, contentType: 'application/problem+json', headers: { 'X-Request-Id': 'abc-1' }, body: '{"title":"exception","status":500}' }),
    )
    await page.goto('/admin/guidelines')
    await expect(page.getByText(withValue(texts.de.shared.view.requestId, 'abc-1'))).toBeVisible()
    await guard.check('failed')
    await page.unroute('**/api/guidelines')
    await page.getByRole('button', { name: texts.de.shared.view.retry }).click()
    await expect(page.getByRole('heading', { name: t.guidelines.list })).toBeVisible()
    await expect(page.getByRole('alert')).toHaveCount(0)
  })

  test('an empty server asks for its first guideline', async ({ page, guard }) => {
    await page.route('**/api/guidelines', (route) => route.fulfill({ json: { guidelines: [] } }))
    await page.goto('/admin/guidelines')
    await expect(page.getByText(t.guidelines.empty)).toBeVisible()
    await guard.check('empty')
    await page.goto('/admin/guidelines/00000000-0000-0000-0000-000000000000')
    guard.expectFailed(404)
    await expect(page.getByText(texts.de.shared.fault['not-found'])).toBeVisible()
    await guard.check('no such guideline')
  })
})
