import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { multipart } from '../kit/gateway.ts'
import { photoFile } from '../kit/photo.ts'
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts'
import { checkInvariants } from './invariants.ts'
import { type PaidProvider, startPaidProvider, usage } from './paid-provider.ts'
import { accepted, ended, gatewayOptions, generate, lookInto, makeFolder, removeFolder } from './scene.ts'

/*
 * One gateway over one embedded folder, killed in one gap after the other. Every start first brings the operation of
 * the last kill to its end, which is looked at, and then is killed in the next gap.
 */

let provider: PaidProvider
/** Speaks the dialect with operations of its own, which can be asked for again. */
let sandbox: Sandbox
let folder: string
let gateway: GatewayProcess
const output: string[] = []

const start = async (retention = {}) => {
  const more = `  - { name: art, preset: sandbox, baseUrl: "${sandbox.url}" }`
  gateway = await startGatewayProcess(gatewayOptions({ providerUrl: provider.url, folder, retention, more }))
}

beforeAll(async () => {
  provider = await startPaidProvider()
  sandbox = await startSandbox({ delayMs: 0 })
  folder = await makeFolder()
  await start()
})
afterAll(async () => {
  await gateway.end('SIGKILL')
  await provider.close()
  await sandbox.close()
  await removeFolder(folder)
})

/** Submits, dies in the gap, starts again. */
async function killAt(name: FailpointName, prompt: string): Promise<string> {
  const { reached } = await gateway.arm(name)
  const requestId = `request-${name}`
  const answer = generate(gateway, { prompt, requestId }).catch(() => null)
  await reached
  await answer
  output.push(...gateway.output)
  await start()
  return accepted(gateway, { prompt, requestId } as { prompt: string })
}

async function endedAfterKill(name: FailpointName, prompt: string) {
  const id = await killAt(name, prompt)
  return ended(gateway, id)
}

const art = { model: 'art/yandex-art', size: null, quality: null }

async function acceptedEdit(prompt: string, count: number): Promise<string> {
  const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }'
  const image = Array.from({ length: count }, () => ({ upload: null }))
  const input = { image, prompt, model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW', stream: true }
  const files = Array.from({ length: count }, async (_, index) => [
    `input.image.${index}.upload`,
    await photoFile(),
  ])
  const body = multipart(query, { input }, Object.fromEntries(await Promise.all(files)))
  const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', body })
  const { data, errors } = (await response.json()) as {
    data: { editImage: { id: string } }
    errors?: object[]
  }
  if (errors) throw new Error(JSON.stringify(errors))
  return data.editImage.id
}

interface Case {
  id: string
  promise: string
  gap: FailpointName
  status: 'SUCCEEDED' | 'FAILED'
  reason?: string
  paid: number
}

const cases: Case[] = [
  {
    id: 'CRS-01',
    promise: 'an accepted operation is carried out',
    gap: 'accepted',
    status: 'SUCCEEDED',
    paid: 1,
  },
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
    promise: 'a reply that is whole on disk is worth its money',
    gap: 'spooled',
    status: 'SUCCEEDED',
    paid: 1,
  },
  { id: 'CRS-06', promise: 'and when that is written down', gap: 'responded', status: 'SUCCEEDED', paid: 1 },
  {
    id: 'CRS-07',
    promise: 'a last transaction that was not committed is done again',
    gap: 'finishing',
    status: 'SUCCEEDED',
    paid: 1,
  },
  { id: 'CRS-07', promise: 'one that was is not', gap: 'finished', status: 'SUCCEEDED', paid: 1 },
]

describe('a gateway that is killed', () => {
  for (const { id, promise, gap, status, reason, paid } of cases) {
    test(`${id}: ${promise} (${gap})`, async () => {
      const prompt = `a harbour ${gap}`
      const operation = await endedAfterKill(gap, prompt)
      expect(operation).toMatchObject({ status, error: reason ? { reason } : null })
      expect(provider.paidFor(prompt)).toBe(paid)
    })
  }

  test('CRS-07: an image that lies in the store without a row is not stored twice (stored)', async () => {
    const prompt = 'a harbour stored'
    const operation = await endedAfterKill('stored', prompt)
    // The reply was not whole on disk yet.
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(provider.paidFor(prompt)).toBe(1)
  })

  test('CRS-04: a request that was half sent is not sent again', { timeout: 60_000 }, async () => {
    const prompt = 'a harbour of sixteen files'
    const { reached } = await gateway.arm('sending', { skip: 8 })
    const id = await acceptedEdit(prompt, 16)
    await reached
    output.push(...gateway.output)
    await start()
    const operation = await ended(gateway, id)
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(provider.calls.filter((call) => call.prompt === prompt)).toEqual([])
  })

  test('CRS-05: an upstream that can be asked again is asked again, and not paid again', async () => {
    const prompt = 'a harbour in watercolour'
    const { reached } = await gateway.arm('submitted')
    const { data } = await generate(gateway, { prompt, ...art })
    await reached
    output.push(...gateway.output)
    await start()
    expect(await ended(gateway, data.generateImage.id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(
      sandbox.requests().filter((request) => request.parameters.prompt !== undefined || request.paid),
    ).toHaveLength(1)
  })

  test('CRS-05: of two images the one that was submitted comes, and the other says why not', async () => {
    const before = sandbox.counts().paid
    const { reached } = await gateway.arm('submitted')
    const { data } = await generate(gateway, { prompt: 'two harbours in watercolour', ...art, n: 2 })
    await reached
    output.push(...gateway.output)
    await start()
    const operation = await ended(gateway, data.generateImage.id)
    expect(operation).toMatchObject({ status: 'SUCCEEDED' })
    expect(operation.response?.data).toHaveLength(1)
    expect(sandbox.counts().paid).toBe(before + 1)
  })

  test('CRS-08: before anything is committed there is no operation and no reservation (accepting)', async () => {
    const { reached } = await gateway.arm('accepting')
    await generate(gateway, { prompt: 'a harbour accepting' }).catch(() => null)
    await reached
    output.push(...gateway.output)
    await start()
    expect(provider.paidFor('a harbour accepting')).toBe(0)
    const { data } = await gateway.graphql<{ operations: { edges: { node: { description: string } }[] } }>(
      '{ operations(first: 100) { edges { node { description } } } }',
    )
    expect(data.operations.edges.map(({ node }) => node.description)).not.toContain('a harbour accepting')
  })

  test('leaves every book in order, and the next start no file of the killed ones', async () => {
    expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null })
    output.push(...gateway.output)
    await start({ tempMs: 0 })
    await gateway.untilLogged('removed files that nobody needs')
    expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null })
    output.push(...gateway.output)
    await lookInto({ folder }, async ({ prisma }) => {
      await checkInvariants({ prisma, provider, folders: [folder], output })
      const lost = await prisma.ledgerEntry.count({ where: { kind: 'PROVIDER_LOSS' } })
      expect(lost, 'the house pays for what nobody knows').toBe(4)
      const captured = await prisma.ledgerEntry.findMany({ where: { kind: 'CAPTURE' } })
      // An image of YandexART is paid for by the piece.
      const tokens = new Set(captured.map((entry) => Number(entry.tokens)))
      expect([...tokens].sort()).toEqual([0, usage.total_tokens].sort())
      const images = await prisma.image.groupBy({
        by: ['operationId'],
        where: { role: 'RESULT' },
        _count: true,
      })
      expect(images.every(({ _count }) => _count === 1)).toBe(true)
    })
  })
})
