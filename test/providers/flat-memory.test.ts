import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

/** What one image of 45 MB of base64 would take if it were held once, as text. */
const oneImageMb = 45

test.each(['json', 'events'])('reads images of 45 MB of base64 as %s without holding one', async (form) => {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'flat-memory-child.ts'), form])
  const { images, bytes, riseMb } = JSON.parse(stdout)
  expect(images).toBe(4)
  expect(bytes).toBe(4 * 33_750_000)
  expect(riseMb).toBeLessThan(2 * oneImageMb)
})
