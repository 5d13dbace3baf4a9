import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import { hangMs, waitMs } from './kit/limits.ts'
import { createProgressReporter } from './kit/progress-reporter.ts'

/** One room each, in the test's own process. */
const rooms = [
  'accounts',
  'config',
  'images',
  'operations',
  'providers',
  'sandbox',
  'schema',
  'server',
  'usage',
]

/** Of these rooms: what starts a process, or needs a server or a heap of its own. */
const apart = [
  'images/memory',
  'images/real-s3',
  'operations/lease-renewal',
  'operations/mend-operations',
  'operations/source-images',
  'providers/flat-memory',
  'sandbox/main',
  'server/upload-memory',
  'usage/reservation',
  'usage/reservation-crash',
].map((name) => `test/${name}.test.ts`)

const fast = ['test/*.test.ts', ...rooms.map((name) => `test/${name}/**/*.test.ts`)]
const others = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !rooms.includes(entry.name))
  .map(({ name }) => `test/${name}/**/*.test.ts`)

export default defineConfig({
  // Node resolves graphql to its CommonJS build, Vite to the other one: two copies do not know each other's types.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    root: new URL('..', import.meta.url).pathname,
    globalSetup: ['test/kit/global-setup.ts'],
    testTimeout: hangMs,
    hookTimeout: hangMs,
    teardownTimeout: hangMs,
    expect: { poll: { timeout: waitMs } },
    reporters: [
      ...configDefaults.reporters,
      ...(process.stdout.isTTY ? [] : [createProgressReporter((line) => process.stdout.write(`${line}\n`))]),
    ],
    pool: 'forks',
    // What many files load a process loads once. Files share no state but what lies in a module of src/.
    isolate: false,
    // An embedded database is compiled once, and not again for speed: no file lives long enough for that.
    execArgv: ['--liftoff-only'],
    // The longest tests wait for leases and deadlines: more at a time than there are processors keeps these at work.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        extends: true,
        test: { name: 'fast', include: fast, exclude: apart },
      },
      {
        extends: true,
        test: { name: 'whole', include: [...others, ...apart] },
      },
    ],
  },
})
