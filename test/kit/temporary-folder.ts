import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An empty folder of a test's own. */
export const makeFolder = () => mkdtemp(join(tmpdir(), 'easel-test-'))
export const removeFolder = (folder: string) => rm(folder, { recursive: true, force: true })
