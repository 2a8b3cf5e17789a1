import { expect, test } from './test.ts'

test.describe('serving', () => {
  test('deep links are pages, with a policy and a nonce of their own', async ({ request }) => {
    const seen = new Set<string>()
    for (const path of ['/', '/case/new/form', '/about', '/admin/', '/admin/guidelines', '/admin/plans/x']) {
      const response = await request.get(path)
      expect(response.status(), path).toBe(200)
      expect(response.headers()['content-type'], path).toContain('text/html')
      expect(response.headers()['cache-control'], path).toBe('no-store')
      const policy = response.headers()['content-security-policy'] ?? ''
      expect(policy, path).toContain("default-src 'none'")
      expect(policy, path).not.toContain('unsafe')
      const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? ''
      expect(await response.text(), path).toContain(nonce)
      expect(seen.has(nonce), path).toBe(false)
      seen.add(nonce)
    }
  })

  test('a missing asset is a 404 and never a page', async ({ request }) => {
    for (const path of ['/assets/gone-1234.js', '/admin/assets/gone-1234.js', '/docs/assets/gone.css']) {
      const response = await request.get(path)
      expect(response.status(), path).toBe(404)
      expect(response.headers()['content-type'], path).toContain('text/plain')
    }
  })

  test('assets are compressed, immutable and revalidated by tag', async ({ request }) => {
    const html = await (await request.get('/')).text()
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] ?? ''
    const response = await request.get(script)
    expect(response.headers()['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(response.headers()['content-encoding']).toMatch(/br|gzip/)
    const again = await request.get(script, { headers: { 'If-None-Match': response.headers().etag ?? '' } })
    expect(again.status()).toBe(304)
  })

  test('an unknown call and a wrong verb of /api are problems', async ({ request }) => {
    const unknown = await request.get('/api/nothing')
    expect(unknown.status()).toBe(404)
    expect(unknown.headers()['content-type']).toContain('application/problem+json')
    const verb = await request.put('/api/search', { data: {} })
    expect(verb.status()).toBe(405)
    expect(verb.headers().allow).toContain('POST')
    expect(verb.headers()['content-type']).toContain('application/problem+json')
  })

  test('/admin leads to /admin/', async ({ page, guard }) => {
    await page.goto('/admin')
    await expect(page).toHaveURL(/\/admin\/$/)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    await guard.check('overview')
  })

  test('the API documentation comes from this server alone', async ({ page }) => {
    await page.goto('/docs')
    await expect(page.getByText('/recommendations', { exact: true }).first()).toBeVisible()
    await page.getByText('/recommendations', { exact: true }).first().click()
    await expect(page.getByText('Responses').first()).toBeVisible()
  })
})
