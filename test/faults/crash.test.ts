import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { multipart } from '../kit/client/graphql-client.ts'
import { accepted, ended, generate } from '../kit/client/operation-client.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { databases } from '../kit/gateway/test-bed.ts'
import { hangMs } from '../kit/limits.ts'
import { photoFile } from '../kit/photo.ts'
import { until } from '../kit/until.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { body, stream, usage } from '../kit/upstream/image-replies.ts'
import { writeHead } from '../kit/upstream/replies.ts'
import { turnsOn } from './turns.ts'

/*
 * One gateway, killed in one gap after the other. Every start first brings the operation of the last kill to its end,
 * which is looked at, and then is killed in the next gap.
 */

interface Case {
  id: string
  promise: string
  gap: FailpointName
  status: 'SUCCEEDED' | 'FAILED'
  reason?: string
  paid: number
  inLong?: boolean
}

const cases: Case[] = [
  {
    id: 'CRS-01',
    promise: 'an accepted operation is carried out',
    gap: 'accepted',
    status: 'SUCCEEDED',
    paid: 1,
  },
  {
    id: 'CRS-01',
    promise: 'so is one that was just claimed',
    gap: 'claimed',
    status: 'SUCCEEDED',
    paid: 1,
    inLong: true,
  },
  {
    id: 'CRS-02',
    promise: 'a prepared attempt is given up for another',
    gap: 'prepared',
    status: 'SUCCEEDED',
    paid: 1,
  },
  {
    id: 'CRS-03',
    promise: 'an attempt marked as sent is never sent, even though nothing had left',
    gap: 'sent',
    status: 'FAILED',
    reason: 'UPSTREAM_OUTCOME_UNKNOWN',
    paid: 0,
  },
  {
    id: 'CRS-05',
    promise: 'a reply that was not read is not asked for again',
    gap: 'replying',
    status: 'FAILED',
    reason: 'UPSTREAM_OUTCOME_UNKNOWN',
    paid: 1,
  },
  {
    id: 'CRS-06',
    promise: 'a reply that is whole on disk is worth its money',
    gap: 'spooled',
    status: 'SUCCEEDED',
    paid: 1,
    inLong: true,
  },
  { id: 'CRS-06', promise: 'and when that is written down', gap: 'responded', status: 'SUCCEEDED', paid: 1 },
  {
    id: 'CRS-07',
    promise: 'a last transaction that was not committed is done again',
    gap: 'finishing',
    status: 'SUCCEEDED',
    paid: 1,
  },
  {
    id: 'CRS-07',
    promise: 'one that was is not',
    gap: 'finished',
    status: 'SUCCEEDED',
    paid: 1,
    inLong: true,
  },
]

describe.each(databases)('a gateway that is killed (%s)', (database) => {
  const test = turnsOn(database)
  /** Speaks the dialect with operations of its own, which can be asked for again. */
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await startSandbox({ delayMs: 0 })
  })
  afterAll(() => sandbox.close())

  const bed = shareTestBed(
    () => ({ database, more: `  - { name: art, preset: sandbox, baseUrl: "${sandbox.url}" }` }),
    // What a killed one left on the disk goes with the next start.
    { leftovers: true, sweeps: true },
  )

  const submitted = () =>
    sandbox.requests().filter((request) => request.parameters.prompt !== undefined || request.paid)

  /** Submits, dies in the gap, starts again. */
  async function killAt(name: FailpointName, prompt: string): Promise<string> {
    const { reached } = await bed.gateway.arm(name)
    const requestId = `request-${name}`
    const answer = generate(bed.gateway, { prompt, requestId }).catch(() => null)
    await reached
    await answer
    await bed.start()
    return accepted(bed.gateway, { prompt, requestId } as { prompt: string })
  }

  /** The user pays for an image, the house for what nobody knows. */
  async function expectBooked(prompt: string, status: Case['status']): Promise<void> {
    const { ledger, images } = await bed.story(prompt)
    const kept = { ledger: expect.arrayContaining([`CAPTURE ${usage.total_tokens}`]), images: 1 }
    const lost = { ledger: expect.arrayContaining([expect.stringContaining('PROVIDER_LOSS')]), images: 0 }
    expect({ ledger, images }).toEqual(status === 'SUCCEEDED' ? kept : lost)
  }

  for (const { id, promise, gap, status, reason, paid, inLong } of cases) {
    const work = async () => {
      const prompt = `a harbour ${gap}`
      const id = await killAt(gap, prompt)
      const operation = await ended(bed.gateway, id)
      expect(operation).toMatchObject({ status, error: reason ? { reason } : null })
      expect(bed.provider.paidFor(prompt)).toBe(paid)
      await expectBooked(prompt, status)
    }
    test(`${id}: ${promise} (${gap})`, work, { inLong })
  }

  test('CRS-06: a reply that has arrived is worth its money before anybody knew it was whole (stored)', async () => {
    const prompt = 'a harbour stored'
    const id = await killAt('stored', prompt)
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(bed.provider.paidFor(prompt)).toBe(1)
    await expectBooked(prompt, 'SUCCEEDED')
  })

  test('CRS-05: half a reply is not taken for a whole one, and not asked for again', async () => {
    const prompt = 'half a harbour'
    const halved = Promise.withResolvers<void>()
    bed.provider.answer(prompt, halfThenSilence(halved.resolve))
    const id = await accepted(bed.gateway, { prompt })
    await halved.promise
    await until(() => spooledBytes(bed.folder) > 256 * 1024)
    await bed.gateway.end('SIGKILL')
    await bed.start()
    const operation = await ended(bed.gateway, id)
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(bed.provider.paidFor(prompt)).toBe(1)
    await expectBooked(prompt, 'FAILED')
  })

  test('CRS-04: a request that was half sent is not sent again', async () => {
    const prompt = 'a harbour of sixteen files'
    const { reached } = await bed.gateway.arm('sending', { skip: 8 })
    const id = await acceptedEdit(bed.gateway.url, prompt, 16)
    await reached
    await bed.start()
    const operation = await ended(bed.gateway, id)
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(bed.provider.calls.filter((call) => call.prompt === prompt)).toEqual([])
    await expectBooked(prompt, 'FAILED')
  })

  test('CRS-05: an upstream that can be asked again is asked again, and not paid again', async () => {
    const prompt = 'a harbour in watercolour'
    const before = submitted().length
    const { reached } = await bed.gateway.arm('submitted')
    const { data } = await generate(bed.gateway, { prompt, ...art })
    await reached
    await bed.start()
    expect(await ended(bed.gateway, data.generateImage.id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(submitted()).toHaveLength(before + 1)
    // An image of YandexART is paid for by the piece.
    expect(await bed.story(prompt)).toMatchObject({
      ledger: ['CAPTURE 0', 'RELEASE 0', 'RESERVE 0'],
      images: 1,
    })
  })

  test(
    'CRS-05: and at the address that it gave, by whoever comes next',
    async () => {
      const prompt = 'a harbour at an address'
      const before = submitted().length
      const { reached } = await bed.gateway.arm('submitted')
      const { data } = await generate(bed.gateway, { prompt, ...art, model: 'art/flux-2-pro' })
      await reached
      await bed.start()
      expect(await ended(bed.gateway, data.generateImage.id)).toMatchObject({ status: 'SUCCEEDED' })
      expect(submitted()).toHaveLength(before + 1)
      expect(await bed.story(prompt)).toMatchObject({ images: 1 })
    },
    { inLong: true },
  )

  test(
    'CRS-05: of two images the one that was submitted comes, and the other says why not',
    async () => {
      const prompt = 'two harbours in watercolour'
      const before = sandbox.counts().paid
      const { reached } = await bed.gateway.arm('submitted')
      const { data } = await generate(bed.gateway, { prompt, ...art, n: 2 })
      await reached
      await bed.start()
      const operation = await ended(bed.gateway, data.generateImage.id)
      expect(operation).toMatchObject({ status: 'SUCCEEDED' })
      expect(operation.response?.data).toHaveLength(1)
      expect(sandbox.counts().paid).toBe(before + 1)
      const { ledger, images } = await bed.story(prompt)
      expect({ ledger, images }).toEqual({
        ledger: expect.arrayContaining(['CAPTURE 0', expect.stringContaining('PROVIDER_LOSS')]),
        images: 1,
      })
    },
    { inLong: true },
  )

  test('CRS-08: before anything is committed there is no operation and no reservation (accepting)', async () => {
    const { reached } = await bed.gateway.arm('accepting')
    await generate(bed.gateway, { prompt: 'a harbour accepting' }).catch(() => null)
    await reached
    await bed.start()
    expect(bed.provider.paidFor('a harbour accepting')).toBe(0)
    const { data } = await bed.gateway.graphql<{
      operations: { edges: { node: { description: string } }[] }
    }>('{ operations(first: 100) { edges { node { description } } } }')
    expect(data.operations.edges.map(({ node }) => node.description)).not.toContain('a harbour accepting')
  })

  test('an operation is followed across a kill without a gap and without an event twice', async () => {
    const prompt = 'a harbour that is watched'
    bed.provider.answer(prompt, stream({ partials: 2, end: true }))
    const { reached } = await bed.gateway.arm('spooled')
    const requestId = 'request-watched'
    const { data } = await generate(bed.gateway, { prompt, requestId, partialImages: 2 })
    const { id } = data.generateImage
    const before = await sequences(bed.gateway.url, id, 0)
    await reached
    await bed.start()
    const seen = before.slice(0, -1)
    const after = await sequences(bed.gateway.url, id, seen.length)
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(seen.length).toBeGreaterThan(2)
    expect([...seen, ...after]).toEqual([...seen, ...after].map((_, at) => at + 1))
    expect(after.length).toBeGreaterThan(1)
  })
})

/** What a follower is told of, until the stream ends or breaks. */
async function sequences(url: string, id: string, after: number): Promise<number[]> {
  const query = `subscription ($id: ID!) { operationStatus(operationId: $id, after: ${after}) { sequence } }`
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables: { id } }),
    signal: AbortSignal.timeout(hangMs),
  })
  const text: string[] = []
  try {
    for await (const piece of response.body ?? []) text.push(Buffer.from(piece).toString('utf8'))
  } catch {
    // The gateway was killed.
  }
  return [...text.join('').matchAll(/"sequence":(\d+)/g)].map(([, sequence]) => Number(sequence))
}

function halfThenSilence(onHalf: () => void): Script {
  return async ({ call, write }) => {
    // What is on disk of it is a large piece.
    const text = `${' '.repeat(512 * 1024)}${JSON.stringify(body(call.n))}`
    const headers = { 'content-length': String(Buffer.byteLength(text)) }
    await write(writeHead({ contentType: 'application/json', headers }))
    await write(text.slice(0, 512 * 1024 + 300))
    onHalf()
  }
}

function spooledBytes(folder: string): number {
  const spool = join(folder, 'spool')
  return Math.max(0, ...readdirSync(spool).map((name) => statSync(join(spool, name)).size))
}

async function acceptedEdit(url: string, prompt: string, count: number): Promise<string> {
  const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }'
  const image = Array.from({ length: count }, () => ({ upload: null }))
  const input = { image, prompt, model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW', stream: true }
  const files = Array.from({ length: count }, async (_, index) => [
    `input.image.${index}.upload`,
    await photoFile(),
  ])
  const body = multipart(query, { input }, Object.fromEntries(await Promise.all(files)))
  const response = await fetch(`${url}/graphql`, { method: 'POST', body })
  const { data, errors } = (await response.json()) as {
    data: { editImage: { id: string } }
    errors?: object[]
  }
  if (errors) throw new Error(JSON.stringify(errors))
  return data.editImage.id
}

const art = { model: 'art/yandex-art', size: null, quality: null }
