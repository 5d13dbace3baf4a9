import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

// `prisma generate` never runs the schema engine but downloads it unless told where one is. Any executable will do.
const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', ...process.env }
const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js')
const { status, stdout, stderr } = spawnSync(process.execPath, [prisma, 'generate', '--no-hints'], {
  env,
  encoding: 'utf8',
})
if (status !== 0) {
  process.stderr.write(stdout + stderr)
  process.exit(status ?? 1)
}
