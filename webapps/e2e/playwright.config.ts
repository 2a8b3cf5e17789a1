import { existsSync } from 'node:fs'
import { defineConfig } from '@playwright/test'

// Against a running server with E2E_BASE_URL, else against bin/cdss with an empty
// database of its own.
const given = process.env.E2E_BASE_URL
const port = 8170
export const baseURL = given ?? `http://127.0.0.1:${port}`

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (!browser) throw new Error('no Chromium found; on Debian: apt-get install chromium')

export default defineConfig({
  testDir: '.',
  outputDir: './test-results',
  reporter: [['list']],
  // One database and one worker: tests of the administration change what all see.
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    baseURL,
    locale: 'de-DE',
    timezoneId: 'Europe/Berlin',
    trace: 'off',
    launchOptions: {
      executablePath: browser,
      // Root has no sandbox to offer.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
  },
  webServer: given
    ? undefined
    : {
        command: `node serve.mjs ${port}`,
        url: `${baseURL}/readyz`,
        timeout: 180_000,
        reuseExistingServer: false,
        stdout: 'ignore',
        stderr: 'pipe',
        gracefulShutdown: { signal: 'SIGTERM', timeout: 20_000 },
      },
})
