import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test as base, expect, type Page } from '@playwright/test'

export { expect }

const axe = readFileSync(join(createRequire(import.meta.url).resolve('axe-core/package.json'), '..', 'axe.min.js'), 'utf8')

type Violation = { id: string; impact: string | null; nodes: { target: unknown[]; failureSummary?: string }[] }
type AxeWindow = { axe: { run: (root: Document, options: object) => Promise<{ violations: Violation[] }> } }

export type Guard = {
  /**
   * Checks the state the page is in: no barrier that axe can see, nothing wider
   * than the window. With E2E_SHOTS a picture is kept for the eye.
   */
  check: (name: string, picture?: 'no picture') => Promise<void>
  /** A status the test provokes on purpose, which the browser writes to its console. */
  expectFailed: (status: number | 'network') => void
  /** Another origin that the test leads to on purpose, as an EHR's. */
  allowOrigin: (origin: string) => void
}

/**
 * Every test fails on a console error, an uncaught error, a violation of the
 * content security policy, and any request to another origin. A missing nonce
 * shows in nothing else.
 */
export const test = base.extend<{ guard: Guard }>({
  guard: [
    async ({ page, baseURL }, use, info) => {
      const faults: string[] = []
      const allowed = new Set<string>()
      const origins = new Set([new URL(baseURL ?? '').origin])
      page.on('console', (message) => {
        if (message.type() !== 'error') return
        const failed = /Failed to load resource: (?:the server responded with a status of (\d+)|net::)/.exec(message.text())
        if (failed && allowed.has(failed[1] ?? 'network')) return
        faults.push(`console: ${message.text()}`)
      })
      page.on('pageerror', (error) => faults.push(`page: ${error.message}`))
      page.on('request', (request) => {
        const url = new URL(request.url())
        if (url.protocol.startsWith('http') && !origins.has(url.origin)) faults.push(`request to ${url.origin}`)
      })
      await page.exposeFunction('reportViolation', (text: string) => faults.push(`policy: ${text}`))
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          void (window as unknown as { reportViolation: (text: string) => void }).reportViolation(
            `${event.effectiveDirective} blocked ${event.blockedURI}`,
          )
        })
      })
      await use({
        expectFailed: (status) => allowed.add(String(status)),
        allowOrigin: (origin) => origins.add(origin),
        check: async (name, picture) => {
          await settle(page)
          await page.evaluate(axe)
          const violations = await page.evaluate(async () => {
            const run = await (window as unknown as AxeWindow).axe.run(document, {
              runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
            })
            return run.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => `${n.target.join(' ')} ${n.failureSummary ?? ''}`).join('; ')}`)
          })
          expect(violations, `axe in state "${name}"`).toEqual([])
          const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
          expect(await overflow(), `pixels wider than the window in state "${name}"`).toBeLessThanOrEqual(0)
          const size = page.viewportSize()
          if (size?.width === 360) {
            // The narrowest width that text has to flow in (WCAG 2.1, 1.4.10).
            await page.setViewportSize({ ...size, width: 320 })
            // An open list finds its place a moment after the window has another size.
            await expect.poll(overflow, { message: `pixels wider than 320 in state "${name}"` }).toBeLessThanOrEqual(0)
            await page.setViewportSize(size)
          }
          if (process.env.E2E_SHOTS && !picture) {
            const file = `${info.titlePath.slice(1).join(' ')} ${name}`.replace(/[^\p{L}\p{N}]+/gu, '-')
            await page.screenshot({ path: join(process.env.E2E_SHOTS, `${file}.png`), fullPage: true })
          }
        },
      })
      expect(faults).toEqual([])
    },
    { auto: true },
  ],
})

/** Waits until fonts are there and no transition runs: colours in between are nobody's. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready
    // What pulses for ever, as a placeholder does, never finishes.
    const ending = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity)
    await Promise.all(ending.map((animation) => animation.finished.catch(() => undefined)))
  })
}

export type Look = { lang: 'de' | 'en'; scheme: 'light' | 'dark'; width: number; height: number }

/** Both languages, both schemes, a phone and a desk. */
export const looks: Look[] = [
  { lang: 'de', scheme: 'light', width: 1440, height: 900 },
  { lang: 'en', scheme: 'dark', width: 1440, height: 900 },
  { lang: 'de', scheme: 'dark', width: 360, height: 640 },
  { lang: 'en', scheme: 'light', width: 360, height: 740 },
]

export const named = (look: Look) => `${look.lang} ${look.scheme} ${look.width}`

/** Settings of a look for test.use. */
export const using = (look: Look) => ({
  locale: look.lang === 'de' ? 'de-DE' : 'en-GB',
  colorScheme: look.scheme,
  viewport: { width: look.width, height: look.height },
})
