import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'

const core = dirname(dirname(createRequire(import.meta.url).resolve('@mantine/core')))
const apps = join(import.meta.dirname, '..', '..', '..')

/** Names of what the apps take from @mantine/core. */
function used() {
  const names = new Set()
  for (const app of ['shared', 'enduser', 'admin']) {
    for (const file of readdirSync(join(apps, app, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (!/\.tsx?$/.test(file)) continue
      const text = readFileSync(join(apps, app, 'src', file), 'utf8')
      for (const [, list] of text.matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)) {
        for (const name of list.split(',')) names.add(name.replace(/\btype\b/, '').trim())
      }
    }
  }
  return names
}

/** Style sheets of a component and of all that it is made of. */
function sheets(name, found, seen = new Set()) {
  const visit = (file) => {
    if (seen.has(file) || !existsSync(file)) return
    seen.add(file)
    const sheet = /([A-Za-z]+)\.module\.mjs$/.exec(file)?.[1]
    if (sheet && existsSync(join(core, 'styles', `${sheet}.css`))) found.add(sheet)
    for (const [, part] of readFileSync(file, 'utf8').matchAll(/from "(\.[^"]+)"/g)) visit(join(dirname(file), part))
  }
  visit(join(core, 'esm', 'components', name, `${name}.mjs`))
}

it('has the style sheet of each component that is used, and of no other', () => {
  const needed = new Set(['baseline', 'default-css-variables', 'global'])
  for (const name of used()) sheets(name, needed)
  const listed = [...readFileSync(join(import.meta.dirname, 'mantine.css'), 'utf8').matchAll(/styles\/([A-Za-z-]+)\.css/g)].map((m) => m[1])
  expect([...listed].sort()).toEqual([...needed].sort())
})
