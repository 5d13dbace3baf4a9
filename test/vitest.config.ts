import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import { hangMs, waitMs } from './kit/limits.ts'
import { LongestFirst } from './kit/runner/longest-first.ts'
import { createProgressReporter } from './kit/runner/progress-reporter.ts'

export default defineConfig({
  // Node resolves graphql to its CommonJS build, Vite to the other one: two copies do not know each other's types.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/kit/runner/global-setup.ts'],
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
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: LongestFirst },
  },
})
