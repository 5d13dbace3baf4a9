import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { body } from '../kit/upstream/image-replies.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop

beforeAll(async () => {
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
  workshop = await openWorkshop({ database, providerUrl: provider.url, folder })
})

afterAll(async () => {
  await workshop.close()
  await provider.close()
  await database.close()
  await removeFolder(folder)
})

const moderation = { moderation_stage: 'output', categories: ['a\0b\ud800'] }
const refusal = { error: { code: 'moderation_blocked', message: 'No', moderation_details: moderation } }
const [image] = body(1).data

test.each([
  ['a revised prompt', 'SUCCEEDED', replyJson(body(1, { data: [{ ...image, revised_prompt: 'a\0b' }] }))],
  ['a size', 'SUCCEEDED', replyJson(body(1, { size: '10\0x\ud800' }))],
  ['a moderation category', 'FAILED', replyJson(refusal, { status: 400 })],
])(
  'an operation ends although PostgreSQL cannot keep %s as the provider says it',
  async (what, status, answer) => {
    provider.answer(what, answer)
    const { id } = await workshop.submit(what)
    await workshop.operations.wait(id)
    expect(await workshop.read(id)).toMatchObject({ status })
    expect(provider.calls.filter(({ prompt }) => prompt === what)).toHaveLength(1)
  },
)
