import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { glob, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = new URL('../../..', import.meta.url).pathname
const built = join(root, 'dist/console')

/**
 * Builds the console where the gateway looks for it, unless it is there and newer than its sources. It is put in place
 * in one move, so test files that run at the same time may all do this.
 */
export async function ensureConsoleBuilt(): Promise<void> {
  const newest = await newestSource()
  const builtAt = await modifiedAt(join(built, 'index.html'))
  if (builtAt > newest) return
  const fresh = `${built}-${randomUUID()}`
  await run('npm', ['run', 'console:codegen'], { cwd: root })
  // Otherwise the build would be one for tests: vitest says so in the environment, and libraries behave differently.
  const env = { ...process.env, NODE_ENV: 'production' }
  await run('npx', ['vite', 'build', 'src/console', '--outDir', fresh, '--logLevel', 'error'], {
    cwd: root,
    env,
  })
  await rename(built, `${fresh}-old`).catch(() => {})
  await rename(fresh, built).catch(() => {})
  await rm(`${fresh}-old`, { recursive: true, force: true })
  await rm(fresh, { recursive: true, force: true })
}

async function newestSource(): Promise<number> {
  const names = await Array.fromAsync(
    glob('src/{console,reasons}/**/*.{ts,tsx,css,html,svg,graphql}', { cwd: root }),
  )
  const sources = names.filter((name) => !name.includes('/generated/'))
  const times = await Promise.all([...sources, 'schema.graphql'].map((name) => modifiedAt(join(root, name))))
  return Math.max(...times)
}

async function modifiedAt(path: string): Promise<number> {
  const found = await stat(path).catch(() => null)
  return found?.mtimeMs ?? 0
}
