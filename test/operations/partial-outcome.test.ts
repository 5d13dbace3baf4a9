import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyInput } from '../../src/catalogue/operation-input.ts'
import type { Database } from '../../src/database/database.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { body, imageBase64 } from '../kit/upstream/image-replies.ts'
import { replyJson, writeHead } from '../kit/upstream/replies.ts'
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

/** Two images of a stream, and then the connection ends, one way or the other. */
function twoImages(cut: 'reset' | 'end'): Script {
  return async (exchange) => {
    await exchange.write(writeHead({ contentType: 'text/event-stream' }))
    const event = { type: 'image_generation.completed', b64_json: imageBase64 }
    for (let index = 0; index < 2; index++) await exchange.write(`data: ${JSON.stringify(event)}\n\n`)
    exchange[cut]()
  }
}

async function generateFour(prompt: string, answer: Script, more: object) {
  provider.answer(prompt, answer)
  const input = {
    ...emptyInput,
    model: 'paid/gpt-image-2',
    size: '1024x1024',
    quality: 'LOW' as const,
    n: 4,
    ...more,
  }
  const { id } = await workshop.submit(prompt, { input: { ...input, prompt } })
  await workshop.operations.wait(id)
  expect(await workshop.read(id)).toMatchObject({ status: 'SUCCEEDED' })
  const entries = await database.prisma.ledgerEntry.findMany({ where: { operationId: id } })
  return Object.fromEntries(entries.map(({ kind, tokens, costMicros }) => [kind, { tokens, costMicros }]))
}

test.each(['reset', 'end'] as const)(
  'a stream that is cut by a %s after two of four images costs the user two and may cost the house two',
  async (cut) => {
    const entries = await generateFour(`four cats and a ${cut}`, twoImages(cut), { stream: true })
    const { RESERVE, CAPTURE, PROVIDER_LOSS } = entries
    expect(CAPTURE?.tokens).toBeGreaterThan(0n)
    expect(PROVIDER_LOSS?.tokens).toBe(((RESERVE?.tokens ?? 0n) + 1n) / 2n)
    expect(PROVIDER_LOSS?.costMicros).toBe(((RESERVE?.costMicros ?? 0n) + 1n) / 2n)
  },
)

test('a whole reply with fewer images than were asked for costs the house nothing', async () => {
  const answer = replyJson(body(2))
  const entries = await generateFour('four cats, of which two come', answer, {})
  expect(Object.keys(entries).sort()).toEqual(['CAPTURE', 'RELEASE', 'RESERVE'])
})

test('and the books agree', () =>
  checkInvariants({ prisma: database.prisma, provider, folders: [folder], output: [] }))
