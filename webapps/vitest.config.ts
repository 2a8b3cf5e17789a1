import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'happy-dom',
    include: ['{shared,enduser,admin}/src/**/*.test.{ts,tsx,mjs}'],
    env: { TZ: 'Europe/Berlin' },
    setupFiles: ['./vitest.setup.ts'],
  },
})
