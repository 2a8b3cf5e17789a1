import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test as base, expect } from '@playwright/test'
import { build, type Rollup } from 'vite'

export { expect }

type Client = {
  /** Opens the client's page, which has an origin of its own, as every client of an EHR has. */
  open: (html: string, parameters?: [string, string][]) => Promise<void>
  /** A status the test provokes on purpose, which the browser writes to its console. */
  expectFailed: (status: number) => void
}

type Pages = { origin: string; build: (html: string) => Promise<void> }

const types: Record<string, string> = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' }

/**
 * Runs clients that are not ours, or behave as others do, in the browser and from
 * a second origin, so that what the browser refuses for want of CORS is refused.
 * Every test fails on a console error, an uncaught error, a request that got no
 * answer, and a request to any third origin.
 */
export const test = base.extend<{ client: Client; server: string }, { pages: Pages }>({
  pages: [
    async ({}, provide) => {
      const files = new Map<string, string | Uint8Array>()
      const server = createServer((request, response) => {
        const path = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1)
        const file = files.get(path)
        response.writeHead(file === undefined ? 404 : 200, { 'Content-Type': types[path.split('.').pop() ?? ''] ?? 'text/plain' })
        response.end(file)
      })
      // A browser asks every origin for it.
      files.set('favicon.ico', '')
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
      const built = new Set<string>()
      await provide({
        origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        build: async (html) => {
          if (built.has(html)) return
          built.add(html)
          const result = (await build({
            configFile: false,
            root: import.meta.dirname,
            logLevel: 'error',
            build: { write: false, target: 'esnext', assetsDir: html.replace('.html', ''), rollupOptions: { input: join(import.meta.dirname, html) } },
          })) as Rollup.RollupOutput
          for (const file of result.output) files.set(file.fileName, file.type === 'chunk' ? file.code : file.source)
        },
      })
      await new Promise((closed) => server.close(closed))
    },
    { scope: 'worker' },
  ],
  server: async ({ baseURL }, provide) => {
    await provide(new URL(baseURL ?? '').origin)
  },
  client: async ({ page, pages, server }, provide) => {
    const faults: string[] = []
    const allowed = new Set<string>()
    page.on('console', (message) => {
      if (message.type() !== 'error') return
      const failed = /Failed to load resource: the server responded with a status of (\d+)/.exec(message.text())
      if (failed?.[1] && allowed.has(failed[1])) return
      faults.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => faults.push(`page: ${error.message}`))
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText
      // An answer without a body, which the client did not read.
      if (why !== 'net::ERR_ABORTED') faults.push(`${request.method()} ${request.url()}: ${why}`)
    })
    page.on('dialog', (dialog) => {
      faults.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', (request) => {
      const url = new URL(request.url())
      if (url.protocol.startsWith('http') && url.origin !== server && url.origin !== pages.origin) faults.push(`request to ${url.origin}`)
    })
    await provide({
      expectFailed: (status) => allowed.add(String(status)),
      open: async (html, parameters = []) => {
        await pages.build(html)
        await page.goto(`${pages.origin}/${html}?${new URLSearchParams(parameters)}`)
      },
    })
    expect(faults).toEqual([])
  },
})
