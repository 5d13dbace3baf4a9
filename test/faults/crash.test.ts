import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { multipart } from '../kit/client/graphql-client.ts'
import { accepted, ended, generate } from '../kit/client/operation-client.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { databases, type TestBed } from '../kit/gateway/test-bed.ts'
import { hangMs, isLong } from '../kit/limits.ts'
import { photoFile } from '../kit/photo.ts'
import { until } from '../kit/until.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { body, stream, usage } from '../kit/upstream/image-replies.ts'
import { writeHead } from '../kit/upstream/replies.ts'

/*
 * One kill strikes an operation in each gap: all are held where they are, and the last one to come by takes the process
 * with it. The next start brings each of them to its end, which the cases look at.
 */

interface Case {
  id: string
  promise: string
  gap: FailpointName
  status: 'SUCCEEDED' | 'FAILED'
  reason?: string
  paid: number
}

/** Nobody can be held in these: a worker would take the one up, the other keeps what all operations need. */
const lasts: readonly Case[] = [
  {
    id: 'CRS-01',
    promise: 'an accepted operation is carried out',
    gap: 'accepted',
    status: 'SUCCEEDED',
    paid: 1,
  },
  {
    id: 'CRS-07',
    promise: 'a last transaction that was not committed is done again',
    gap: 'finishing',
    status: 'SUCCEEDED',
    paid: 1,
  },
]

const held: readonly Case[] = [
  { id: 'CRS-01', promise: 'so is one that was just claimed', gap: 'claimed', status: 'SUCCEEDED', paid: 1 },
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
    promise: 'a reply that has arrived is worth its money before anybody knew it was whole',
    gap: 'stored',
    status: 'SUCCEEDED',
    paid: 1,
  },
  {
    id: 'CRS-06',
    promise: 'a reply that is whole on disk is worth its money',
    gap: 'spooled',
    status: 'SUCCEEDED',
    paid: 1,
  },
  { id: 'CRS-06', promise: 'and when that is written down', gap: 'responded', status: 'SUCCEEDED', paid: 1 },
  { id: 'CRS-07', promise: 'one that was is not', gap: 'finished', status: 'SUCCEEDED', paid: 1 },
]

/** In the short form each kill has its turn on one database, in the long one on all. */
const kills = lasts
  .flatMap((last, place) =>
    databases.map((database, turn) => ({ database, last, isTurn: turn === place % databases.length })),
  )
  .filter(({ isTurn }) => isLong || isTurn)

describe.each(kills)('a gateway that is killed ($database, $last.gap)', ({ database, last }) => {
  /** Speaks the dialect with operations of its own, which can be asked for again. */
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await startSandbox({ delayMs: 0 })
  })
  afterAll(() => sandbox.close())

  let half: string
  let edited: string
  let watched: { id: string; before: number[] }

  const bed = shareTestBed(
    () => ({
      database,
      limits: { concurrentOperations: 50 },
      more: `  - { name: art, preset: sandbox, baseUrl: "${sandbox.url}" }`,
    }),
    // What a killed one left on the disk goes with the next start.
    { leftovers: true, sweeps: true, looksBack: true, prepare: killInEveryGap },
  )

  async function killInEveryGap(opened: TestBed): Promise<void> {
    const gateway = opened.gateway
    /** The answer may never come. */
    const ask = (input: ReturnType<typeof inputOf>) => void generate(gateway, input).catch(() => {})
    const hold = async (gap: FailpointName, submit: () => unknown, skip = 0) => {
      const { reached } = await gateway.arm(gap, { how: 'HOLD', skip })
      await submit()
      await reached
    }
    for (const { gap } of held) await hold(gap, () => accepted(gateway, inputOf(gap)))
    for (const art of [watercolour, atAnAddress, two]) await hold('submitted', () => accepted(gateway, art))
    await hold('accepting', () => ask(inputOf('accepting')))
    await hold(
      'sending',
      async () => {
        edited = await acceptedEdit(gateway.url, 'a harbour of sixteen files', 16)
      },
      8,
    )
    const seen = await watch(opened, hold)
    half = await stopHalfway(opened)

    const { reached } = await gateway.arm(last.gap)
    ask(inputOf(last.gap))
    await reached
    watched = { id: seen.id, before: await seen.before }
    await opened.start()
  }

  /** Under its request id, as its caller asks again who has no answer. */
  const again = async (input: ReturnType<typeof inputOf>) =>
    ended(bed.gateway, await accepted(bed.gateway, input))

  /** The user pays for an image, the house for what nobody knows. */
  async function expectBooked(prompt: string, status: Case['status']): Promise<void> {
    const { ledger, images } = await bed.story(prompt)
    const kept = { ledger: expect.arrayContaining([`CAPTURE ${usage.total_tokens}`]), images: 1 }
    const lost = { ledger: expect.arrayContaining([expect.stringContaining('PROVIDER_LOSS')]), images: 0 }
    expect({ ledger, images }).toEqual(status === 'SUCCEEDED' ? kept : lost)
  }

  const submitted = (prompt: string) =>
    sandbox.requests().filter(({ parameters }) => JSON.stringify(parameters).includes(prompt))

  for (const { id, promise, gap, status, reason, paid } of [last, ...held]) {
    test(`${id}: ${promise} (${gap})`, async () => {
      const input = inputOf(gap)
      expect(await again(input)).toMatchObject({ status, error: reason ? { reason } : null })
      expect(bed.provider.paidFor(input.prompt)).toBe(paid)
      await expectBooked(input.prompt, status)
    })
  }

  test('CRS-05: half a reply is not taken for a whole one, and not asked for again', async () => {
    const operation = await ended(bed.gateway, half)
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(bed.provider.paidFor('half a harbour')).toBe(1)
    await expectBooked('half a harbour', 'FAILED')
  })

  test('CRS-04: a request that was half sent is not sent again', async () => {
    const prompt = 'a harbour of sixteen files'
    const operation = await ended(bed.gateway, edited)
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(bed.provider.calls.filter((call) => call.prompt === prompt)).toEqual([])
    await expectBooked(prompt, 'FAILED')
  })

  test('CRS-05: an upstream that can be asked again is asked again, and not paid again', async () => {
    expect(await again(watercolour)).toMatchObject({ status: 'SUCCEEDED' })
    expect(submitted(watercolour.prompt)).toHaveLength(1)
    // An image of YandexART is paid for by the piece.
    expect(await bed.story(watercolour.prompt)).toMatchObject({
      ledger: ['CAPTURE 0', 'RELEASE 0', 'RESERVE 0'],
      images: 1,
    })
  })

  test('CRS-05: and at the address that it gave, by whoever comes next', async () => {
    expect(await again(atAnAddress)).toMatchObject({ status: 'SUCCEEDED' })
    expect(submitted(atAnAddress.prompt)).toHaveLength(1)
    expect(await bed.story(atAnAddress.prompt)).toMatchObject({ images: 1 })
  })

  test('CRS-05: of two images the one that was submitted comes, and the other says why not', async () => {
    const operation = await again(two)
    expect(operation).toMatchObject({ status: 'SUCCEEDED' })
    expect(operation.response?.data).toHaveLength(1)
    expect(submitted(two.prompt)).toHaveLength(1)
    const { ledger, images } = await bed.story(two.prompt)
    expect({ ledger, images }).toEqual({
      ledger: expect.arrayContaining(['CAPTURE 0', expect.stringContaining('PROVIDER_LOSS')]),
      images: 1,
    })
  })

  test('CRS-08: before anything is committed there is no operation and no reservation (accepting)', async () => {
    const { prompt } = inputOf('accepting')
    expect(bed.provider.paidFor(prompt)).toBe(0)
    expect((await bed.stories()).map((story) => story.prompt)).not.toContain(prompt)
  })

  test('an operation is followed across a kill without a gap and without an event twice', async () => {
    const { id, before } = watched
    const seen = before.slice(0, -1)
    const after = await sequences(bed.gateway.url, id, seen.length)
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(seen.length).toBeGreaterThan(2)
    expect([...seen, ...after]).toEqual([...seen, ...after].map((_, at) => at + 1))
    expect(after.length).toBeGreaterThan(1)
  })
})

const inputOf = (name: string) => ({ prompt: `a harbour ${name}`, requestId: name.replaceAll(' ', '-') })

const art = { model: 'art/yandex-art', size: null, quality: null }
const watercolour = { ...inputOf('in watercolour'), ...art }
const atAnAddress = { ...inputOf('at an address'), ...art, model: 'art/flux-2-pro' }
const two = { ...inputOf('twice in watercolour'), ...art, n: 2 }

type Hold = (gap: FailpointName, submit: () => unknown) => Promise<void>

/** Of one that is held with its reply on the disk; what its follower saw is known once the gateway is dead. */
async function watch(
  { gateway, provider }: TestBed,
  hold: Hold,
): Promise<{ id: string; before: Promise<number[]> }> {
  const input = inputOf('that is watched')
  provider.answer(input.prompt, stream({ partials: 2, end: true }))
  let id = ''
  await hold('spooled', async () => {
    id = await accepted(gateway, { ...input, partialImages: 2 })
  })
  return { id, before: sequences(gateway.url, id, 0) }
}

/** An operation whose provider says no more after half of its reply. */
async function stopHalfway({ gateway, provider, folder }: TestBed): Promise<string> {
  const prompt = 'half a harbour'
  const halved = Promise.withResolvers<void>()
  provider.answer(prompt, halfThenSilence(halved.resolve))
  const id = await accepted(gateway, { prompt })
  await halved.promise
  await until(() => spooledBytes(folder) > 256 * 1024)
  return id
}

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
