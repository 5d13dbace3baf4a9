import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { emptyInput } from '../../src/catalogue/operation-input.ts'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { openCountingDatabase } from '../kit/database/counted-statements.ts'
import { hangMs } from '../kit/limits.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { stream } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/*
 * One transition is one round trip to the database: what a client waits for, and what the database is charged with.
 */

const { database, statements } = await openCountingDatabase()
let folder: string
let provider: ScriptedUpstream
let workshop: Workshop
/** How many operations have ended. */
let ended = 0

beforeAll(async () => {
  folder = await makeFolder()
  provider = await startScriptedUpstream()
  const failpoint = (name: FailpointName) => {
    if (name === 'finished') ended++
  }
  const limits = { leaseMs: hangMs, operationTimeoutMs: hangMs }
  workshop = await openWorkshop({ database, providerUrl: provider.url, folder, failpoint, limits })
  // What a process asks once, when it starts, is not of an operation.
  await run('the first one')
  await until(() => statements.some((sql) => sql.includes('SET swept_at')))
})
afterAll(async () => {
  await workshop.close()
  await database.close()
  await provider.close()
  await removeFolder(folder)
})
afterEach(() => {
  statements.length = 0
})

/** What a process asks now and then, however many operations there are. */
const isOfTheProcess = (sql: string) => /pgboss\.(bam|version|queue|warning)|name = 'retention'/.test(sql)

/** From the request to the end of its job, without those who look on. */
async function run(prompt: string, more: Parameters<Workshop['submit']>[1] = {}): Promise<string[]> {
  const [from, before] = [statements.length, ended]
  await workshop.submit(prompt, more)
  await until(() => ended > before)
  return statements.slice(from).filter((sql) => !isOfTheProcess(sql))
}

/** Of three runs, the one in which nobody looked for work in vain. */
async function countFewest(prompt: string, more?: Parameters<Workshop['submit']>[1]): Promise<string[]> {
  const runs: string[][] = []
  for (let turn = 0; turn < 3; turn++) runs.push(await run(prompt, more))
  return runs.sort((one, other) => one.length - other.length)[0] ?? []
}

test('a generate takes at most 12 statements from request to end, the queue included', async () => {
  const sent = await countFewest('a lighthouse')
  expect(sent.length, sent.join('\n')).toBeLessThanOrEqual(12)
})

test('a partial image takes at most 2', async () => {
  const partials = 3
  provider.answer('an owl', ...Array.from({ length: 3 }, () => stream({ partials, end: true })))
  const input = { ...emptyInput, prompt: 'an owl', model: 'paid/gpt-image-2', partialImages: partials }
  const [without, sent] = [await countFewest('no owl'), await countFewest('an owl', { input })]
  expect(sent.filter((sql) => sql.includes('RECEIVING'))).toHaveLength(partials)
  expect(sent.length - without.length, sent.join('\n')).toBeLessThanOrEqual(2 * partials)
})
