import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const server = process.env.CDSS_DEV_SERVER ?? 'http://127.0.0.1:8000'

/** Writes sw.js with what reading guidelines needs: the entry, the reader and what both import. */
function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const needed = new Set<string>()
      const take = (name: string) => {
        const part = bundle[name]
        if (part?.type !== 'chunk' || needed.has(name)) return
        needed.add(name)
        for (const imported of part.imports) take(imported)
      }
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === 'chunk' && (part.isEntry || part.facadeModuleId?.includes('/features/guidelines/'))) take(name)
        if (name.endsWith('.css')) needed.add(name)
      }
      const files = [...needed].sort().map((name) => `/${name}`)
      if (!files.some((name) => name.includes('ReaderRoute'))) this.error('the reader of guidelines is not among the files of sw.js')
      const version = createHash('sha256').update(files.join()).digest('hex').slice(0, 12)
      const source = readFileSync(join(import.meta.dirname, 'offline', 'sw.js'), 'utf8')
        .replace('__VERSION__', version)
        .replace("['__FILES__']", JSON.stringify(files))
      this.emitFile({ type: 'asset', fileName: 'sw.js', source })
    },
  }
}

export default defineConfig({
  plugins: [react(), offline()],
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    outDir: '../dist/enduser',
    emptyOutDir: true,
    // Small assets must stay files: the policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    sourcemap: false,
    target: 'baseline-widely-available',
    // The polyfill would be an inline script.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(['/api', '/cds-services', '/fhir', '/docs'].map((path) => [path, server])),
  },
})
