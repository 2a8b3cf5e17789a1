// Copies Swagger UI and our two files under names with a hash, so that they can
// be cached for ever, and writes the page that asks for them.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'

const here = import.meta.dirname
const out = join(here, '..', 'dist', 'docs')
const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

rmSync(out, { recursive: true, force: true })
mkdirSync(join(out, 'assets'), { recursive: true })

const parts = {
  SWAGGER_CSS: join(swagger, 'swagger-ui.css'),
  SWAGGER_JS: join(swagger, 'swagger-ui-bundle.js'),
  DOCS_CSS: join(here, 'docs.css'),
  INIT_JS: join(here, 'init.js'),
}
let page = readFileSync(join(here, 'index.html'), 'utf8')
for (const [name, file] of Object.entries(parts)) {
  // The link to a source map would be a 404.
  const bytes = readFileSync(file, 'utf8').replace(/\n?(\/\/#|\/\*#) sourceMappingURL=[^\n]*/g, '')
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 10)
  const stem = file.split(/[\\/]/).at(-1).replace(extname(file), '')
  const target = `${stem}-${hash}${extname(file)}`
  writeFileSync(join(out, 'assets', target), bytes)
  page = page.replaceAll(`%${name}%`, `/docs/assets/${target}`)
}
writeFileSync(join(out, 'index.html'), page)
