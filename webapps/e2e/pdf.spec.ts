import { existsSync } from 'node:fs'
import type { Locator, Page } from '@playwright/test'
import { expect, looks, named, test, using, type Look } from './test.ts'
import { texts } from './texts.ts'

// Two real PDF files of more than a hundred pages, in both languages, which Debian and
// Ubuntu package; scripts/prepare.sh installs them where it may.
const folder = '/usr/share/developers-reference'
const files = {
  de: {
    path: `${folder}/de/developers-reference.pdf`,
    find: 'Umbenennen oder Ersetzen von Paketen',
    search: 'Was ist beim Umbenennen von Paketen zu tun?',
    ask: 'Was ist beim Umbenennen von Paketen zu tun?',
    word: /umbenenn/i,
  },
  en: {
    path: `${folder}/developers-reference.pdf`,
    find: 'Orphaning a package',
    search: 'How do I orphan a package?',
    ask: 'How do I orphan a package?',
    word: /orphan/i,
  },
}

/** Every box lies on the picture of the page, and on print: some of what it covers is dark. */
async function marksAreOnPrint(panel: Locator): Promise<void> {
  await expect(panel.locator('[data-mark]').first()).toBeVisible()
  await expect
    .poll(() => panel.locator('img').first().evaluate((img) => (img as HTMLImageElement).complete && (img as HTMLImageElement).naturalWidth > 0))
    .toBe(true)
  const shares = await panel.evaluate((root) => {
    const img = root.querySelector('img')
    if (!img) return []
    const canvas = document.createElement('canvas')
    canvas.width = img.naturalWidth
    canvas.height = img.naturalHeight
    const paint = canvas.getContext('2d')
    if (!paint) return []
    paint.drawImage(img, 0, 0)
    const sheet = img.getBoundingClientRect()
    const scale = img.naturalWidth / sheet.width
    return [...root.querySelectorAll('[data-mark]')].map((mark) => {
      const at = mark.getBoundingClientRect()
      const inside = at.left >= sheet.left - 1 && at.top >= sheet.top - 1 && at.right <= sheet.right + 1 && at.bottom <= sheet.bottom + 1
      const { data } = paint.getImageData((at.left - sheet.left) * scale, (at.top - sheet.top) * scale, Math.max(1, at.width * scale), Math.max(1, at.height * scale))
      let dark = 0
      for (let i = 0; i < data.length; i += 4) if ((data[i] ?? 255) < 128) dark++
      return inside ? dark / (data.length / 4) : -1
    })
  })
  expect(shares.length).toBeGreaterThan(0)
  for (const share of shares) {
    expect(share, 'share of dark points under a mark').toBeGreaterThan(0.02)
    expect(share, 'share of dark points under a mark').toBeLessThan(0.5)
  }
}

async function upload(page: Page, look: Look, title: string): Promise<void> {
  const t = texts[look.lang].admin.guidelines
  await page.goto('/admin/guidelines')
  const chooser = page.waitForEvent('filechooser')
  await page.getByLabel(t.file, { exact: true }).click()
  await (await chooser).setFiles(files[look.lang].path)
  await page.getByLabel(t.identifier, { exact: true }).fill(`e2e-pdf-${look.lang}-${look.width}`)
  await page.getByLabel(t.name, { exact: true }).fill(title)
  await page.getByLabel(t.version, { exact: true }).fill('12')
  await page.getByRole('button', { name: t.send, exact: true }).click()
}

for (const look of looks.filter((l) => l.width >= 360)) {
  test.describe(`a PDF file, ${named(look)}`, () => {
    test.use(using(look))
    test.skip(!existsSync(files.en.path) || !existsSync(files.de.path), 'the packages developers-reference and developers-reference-de are absent')
    const t = texts[look.lang]
    const file = files[look.lang]

    test('from upload to the mark on the page, in both apps', async ({ page, guard }) => {
      test.setTimeout(240_000)
      const title = `PDF ${named(look)}`
      await upload(page, look, title)
      const row = page.getByRole('row', { name: new RegExp(title) })
      await expect(row).toBeVisible({ timeout: 60_000 })
      const approve = page.getByRole('button', { name: t.admin.guidelines.approveOf.replace('{{title}}', title) })
      await expect(approve).toBeEnabled({ timeout: 120_000 })

      // Curation: passages beside the page as it is printed.
      await page.getByRole('link', { name: title }).click()
      await page.getByLabel(t.admin.detail.search).fill(file.find)
      const passage = page.getByRole('listitem').filter({ hasText: file.find }).first()
      await passage.getByRole('button', { name: t.admin.detail.show, exact: true }).click()
      const source = page.getByRole('region', { name: t.admin.detail.source })
      await marksAreOnPrint(source)
      await guard.check('curation')
      await passage.getByRole('button', { name: t.admin.library.mark, exact: true }).click()
      await passage.getByLabel(t.admin.library.note).fill('Nur zum Prüfen')
      await passage.getByLabel(t.admin.library.disable).check()
      await passage.getByRole('button', { name: t.admin.library.save, exact: true }).click()
      await expect(passage).toContainText(t.admin.library.disabled)
      await guard.check('passage left out', 'no picture')
      await passage.getByRole('button', { name: t.admin.library.mark, exact: true }).click()
      await passage.getByLabel(t.admin.library.disable).uncheck()
      await passage.getByRole('button', { name: t.admin.library.save, exact: true }).click()
      await expect(passage).not.toContainText(t.admin.library.disabled)

      await page.goto('/admin/guidelines')
      await approve.click()
      await expect(row).toContainText(t.admin.guidelines.statuses.active)

      // Search, with why it was found.
      await page.goto('/admin/search')
      await page.getByLabel(t.admin.search.query).fill(file.search)
      await page.getByRole('button', { name: t.admin.search.run, exact: true }).click()
      const hit = page.getByRole('article').filter({ hasText: title }).first()
      await expect(hit).toContainText(file.word)
      await guard.check('found', 'no picture')

      // Citation in the clinician's app.
      await page.goto('/guidelines')
      await page.getByRole('textbox', { name: t.app.ask.question }).fill(file.ask)
      await page.getByRole('button', { name: t.app.ask.submit, exact: true }).click()
      const answer = page.getByRole('region', { name: t.app.ask.answer })
      const cited = answer.getByRole('listitem').filter({ hasText: title }).first()
      await expect(cited.getByRole('blockquote').first()).toContainText(file.word)
      await cited.getByText(t.app.evidence.show).click()
      await marksAreOnPrint(cited)
      await guard.check('cited')
      await cited.getByRole('link', { name: t.app.evidence.read }).click()
      await expect(page.getByRole('heading', { level: 1, name: t.app.reader.title })).toBeVisible()
      await page.getByLabel(t.app.reader.search).fill(file.find)
      await page.getByRole('search').getByRole('link').first().click()
      await marksAreOnPrint(page.getByRole('region', { name: t.app.reader.page }))
      await guard.check('read')

      await page.goto('/admin/guidelines')
      await page.getByRole('button', { name: t.admin.guidelines.deleteOf.replace('{{title}}', title) }).click()
      await page.getByRole('button', { name: t.admin.guidelines.deleteConfirm }).click()
      await expect(row).toHaveCount(0)
    })
  })
}
