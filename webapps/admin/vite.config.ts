import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const server = process.env.CDSS_DEV_SERVER ?? 'http://127.0.0.1:8000'

export default defineConfig({
  base: '/admin/',
  plugins: [react()],
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    outDir: '../dist/admin',
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
