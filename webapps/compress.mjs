// Writes .br and .gz beside every file of the builds that is worth it and drops
// the plain form: the server inflates it for the rare client without either.
// Pages stay plain, since a nonce goes into them.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const smallest = 1024
const dist = join(import.meta.dirname, 'dist')

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name)
  if (!entry.isFile() || !/\.(js|mjs|css|svg|json|wasm)$/.test(entry.name)) continue
  const plain = readFileSync(file)
  if (plain.length < smallest) continue
  writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }))
  writeFileSync(
    `${file}.br`,
    brotliCompressSync(plain, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
    }),
  )
  rmSync(file)
}
