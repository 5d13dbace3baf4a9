import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)
const cwd = new URL('../..', import.meta.url).pathname

describe('the documents of the console', () => {
  test('fit the schema, and the code fits the documents', async () => {
    await run('npm', ['run', 'console:codegen'], { cwd })
    const { stdout } = await run('npx', ['tsc', '-p', 'src/console', '--noEmit'], { cwd })
    expect(stdout).toBe('')
  })
})
