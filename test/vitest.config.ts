import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Node resolves graphql to its CommonJS build, Vite to the other one: two copies do not know each other's types.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // The longest tests wait for leases and deadlines: more at a time than there are processors keeps these at work.
    maxWorkers: availableParallelism() + 1,
    // A machine that is busy for a moment is no fault of the gateway; the report says which test needed it.
    retry: process.env.CI ? 1 : 0,
  },
})
