// sbom.mjs: write a CycloneDX 1.6 bill of materials of what is built in, from go.mod, go.sum
// and package-lock.json alone: no network, and the same bytes for the same files.
//
//   node scripts/sbom.mjs [VERSION] > sbom.cdx.json
import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'

const here = (name) => new URL(`../${name}`, import.meta.url)
const read = (name) => readFileSync(here(name), 'utf8')
const hex = (base64) => Buffer.from(base64, 'base64').toString('hex')

// Go: what go.mod requires. h1 of go.sum is the hash of the module's files, as a property,
// since it is the hash of no file (golang.org/ref/mod, "go.sum files").
const sums = new Map(
  read('go.sum')
    .split('\n')
    .map((line) => line.split(' '))
    .filter((f) => f.length === 3 && !f[1].endsWith('/go.mod'))
    .map(([name, version, sum]) => [`${name}@${version}`, sum]),
)
const go = [...read('go.mod').matchAll(/^(?:require )?\s*([^\s/]+\.[^\s]+) (v[^\s]+)( \/\/ indirect)?$/gm)].map(([, name, version]) => ({
  type: 'library',
  'bom-ref': `pkg:golang/${name}@${version}`,
  name,
  version,
  purl: `pkg:golang/${name}@${version}`,
  properties: sums.has(`${name}@${version}`) ? [{ name: 'go.sum', value: sums.get(`${name}@${version}`) }] : [],
}))

// npm: what is served to browsers is required; what only builds or tests is excluded.
const seen = new Set()
const npm = Object.entries(JSON.parse(read('webapps/package-lock.json')).packages)
  .filter(([path, p]) => path.includes('node_modules/') && !p.link && p.version)
  .map(([path, p]) => {
    const name = p.name ?? path.slice(path.lastIndexOf('node_modules/') + 13)
    const purl = `pkg:npm/${name.replace('@', '%40')}@${p.version}`
    const [algorithm, sum] = (p.integrity ?? '').split('-')
    return {
      type: 'library',
      'bom-ref': purl,
      name,
      version: p.version,
      purl,
      scope: p.dev || p.optional || p.devOptional ? 'excluded' : 'required',
      ...(sum && { hashes: [{ alg: algorithm.toUpperCase().replace('SHA', 'SHA-'), content: hex(sum) }] }),
      ...(typeof p.license === 'string' && { licenses: [/[ ()]/.test(p.license) ? { expression: p.license } : { license: { id: p.license } }] }),
    }
  })
  .filter((c) => !seen.has(c.purl) && seen.add(c.purl))

const components = [...go, ...npm].sort((a, b) => (a.purl < b.purl ? -1 : 1))
const id = createHash('sha256').update(JSON.stringify(components)).digest('hex')
process.stdout.write(
  `${JSON.stringify(
    {
      $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: `urn:uuid:${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(13, 16)}-8${id.slice(17, 20)}-${id.slice(20, 32)}`,
      version: 1,
      metadata: { component: { type: 'application', name: 'cdss', 'bom-ref': 'cdss', ...(process.argv[2] && { version: process.argv[2] }) } },
      components,
    },
    null,
    1,
  )}\n`,
)
