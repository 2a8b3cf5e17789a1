// How long a phone on a bad network waits for the clinician's app, against a running
// server: node phone.mjs [http://localhost:8000] [times]. Processor four times slower,
// network as the "slow 4G" of Chromium's tools (150 ms, 1.6 Mbit/s down, 750 kbit/s up),
// nothing in the cache. Interactive is when the guided form has opened after the first tap
// that the start page takes; the figure counts from the beginning of the navigation to that tap.
import { existsSync } from 'node:fs'
import { chromium, devices } from '@playwright/test'

const address = process.argv[2] ?? 'http://localhost:8000'
const times = Number(process.argv[3] ?? 5)
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
const taken = []
for (let i = 0; i < times; i++) {
  const context = await browser.newContext({ ...devices['Pixel 7'], locale: 'de-DE', serviceWorkers: 'block' })
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  await cdp.send('Network.enable')
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: (1.6 * 1024 * 1024) / 8, uploadThroughput: (750 * 1024) / 8 })
  await page.addInitScript(() => addEventListener('click', () => (window.tapped ??= performance.now()), { capture: true }))
  await page.goto(address, { waitUntil: 'commit' })
  await page.locator('a[href="/case/new/form"]').click()
  await page.waitForURL('**/case/new/form')
  await page.locator('#field-weight').waitFor()
  taken.push(Math.round(await page.evaluate(() => window.tapped)))
  await context.close()
}
await browser.close()
taken.sort((a, b) => a - b)
console.log(`interactive after ${taken[Math.floor(times / 2)]} ms (median of ${times}: ${taken.join(', ')})`)
