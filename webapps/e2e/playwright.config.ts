import { existsSync } from 'node:fs'
import { defineConfig } from '@playwright/test'

// Against running servers with E2E_BASE_URL and E2E_REQUIRED_URL, else against
// bin/cdss with empty databases of its own: one with open access, one that asks for
// a login.
const port = Number(process.env.E2E_PORT ?? 8170)
const servers = [
  { auth: 'open', given: process.env.E2E_BASE_URL, port },
  { auth: 'required', given: process.env.E2E_REQUIRED_URL, port: port + 2 },
].map((server) => ({ ...server, url: server.given ?? `http://127.0.0.1:${server.port}` }))
export const baseURL = servers[0]?.url
export const requiredURL = servers[1]?.url

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
  // A busy machine may starve the browser for a moment; what fails twice again is a fault.
  retries: process.env.CI ? 2 : 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    baseURL,
    locale: 'de-DE',
    timezoneId: 'Europe/Berlin',
    trace: 'off',
    // What a service worker answers, no test could hold or change.
    serviceWorkers: 'block',
    launchOptions: {
      executablePath: browser,
      // Root has no sandbox to offer.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
  },
  webServer: servers
    .filter((server) => !server.given)
    .map((server) => ({
      command: `node serve.mjs ${server.port} ${server.auth}`,
      url: `${server.url}/readyz`,
      timeout: 180_000,
      reuseExistingServer: false,
      stdout: 'ignore' as const,
      stderr: 'pipe' as const,
      gracefulShutdown: { signal: 'SIGTERM' as const, timeout: 20_000 },
    })),
})
