// Fails the build when an app outgrows what a phone on a ward should load.
// Figures are kilobytes (1000 bytes) gzipped. The entry is what index.html asks
// for; everything else is loaded on demand.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const budget = { enduser: 230, admin: 200 }
const cssBudget = 45
const lazyBudget = 160

const dist = join(import.meta.dirname, 'dist')
const size = (file) => {
  try {
    return statSync(`${file}.gz`).size / 1000
  } catch {
    return statSync(file).size / 1000
  }
}

let failed = false
for (const [app, jsBudget] of Object.entries(budget)) {
  const html = readFileSync(join(dist, app, 'index.html'), 'utf8')
  const entry = new Set([...html.matchAll(/(?:src|href)="[^"]*\/(assets\/[^"]+)"/g)].map((m) => m[1]))
  let js = 0
  let css = 0
  for (const name of entry) {
    const kilobytes = size(join(dist, app, name))
    if (name.endsWith('.js')) js += kilobytes
    if (name.endsWith('.css')) css += kilobytes
  }
  const rows = [
    [`${app} entry js`, js, jsBudget],
    [`${app} entry css`, css, cssBudget],
  ]
  const files = new Set(readdirSync(join(dist, app, 'assets')).map((name) => name.replace(/\.(br|gz)$/, '')))
  for (const name of files) {
    if (!entry.has(`assets/${name}`) && /\.(js|css)$/.test(name)) {
      rows.push([`${app} ${name}`, size(join(dist, app, 'assets', name)), lazyBudget])
    }
  }
  for (const [what, kilobytes, limit] of rows) {
    const over = kilobytes > limit
    failed ||= over
    console.log(`${over ? 'OVER ' : 'ok   '}${what}: ${kilobytes.toFixed(1)} kB of ${limit}`)
  }
}
process.exit(failed ? 1 : 0)
