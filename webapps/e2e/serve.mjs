// Starts bin/cdss for the tests: demo data, a directory of its own that goes when
// it ends.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [port, auth] = [Number(process.argv[2]), process.argv[3] ?? 'open']
const binary = process.env.E2E_BINARY ?? join(import.meta.dirname, '..', '..', 'bin', 'cdss')
if (!existsSync(binary)) {
  console.error('bin/cdss is missing: run make build')
  process.exit(1)
}
const data = mkdtempSync(join(tmpdir(), 'cdss-e2e-'))
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CDSS_|E2E_|DATABASE_URL|PORT$|API_)/.test(name)))
const server = spawn(binary, ['serve'], {
  env: {
    ...environment,
    CDSS_DEMO: '1',
    CDSS_AUTH: auth,
    CDSS_SECRET_KEY: randomBytes(32).toString('base64'),
    CDSS_DATA_DIR: data,
    CDSS_ADDR: `127.0.0.1:${port}`,
    CDSS_METRICS_ADDR: `127.0.0.1:${port + 1}`,
    LOG_LEVEL: 'warn',
  },
  stdio: ['ignore', 'inherit', 'inherit'],
})
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill('SIGINT'))
server.on('exit', (code) => {
  rmSync(data, { recursive: true, force: true })
  process.exit(code ?? 0)
})
