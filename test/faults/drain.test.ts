import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { multipart } from '../kit/gateway.ts'
import { photoFile } from '../kit/photo.ts'
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts'
import { checkInvariants } from './invariants.ts'
import { after, type PaidProvider, silence, startPaidProvider } from './paid-provider.ts'
import {
  accepted,
  ended,
  gatewayOptions,
  generate,
  lookInto,
  makeFolder,
  readOperation,
  removeFolder,
} from './scene.ts'
import { until } from './until.ts'

let provider: PaidProvider
let folder: string
let gateway: GatewayProcess
const output: string[] = []

const start = async (limits: Record<string, number> = {}) => {
  gateway = await startGatewayProcess(gatewayOptions({ providerUrl: provider.url, folder, limits }))
}

beforeAll(async () => {
  provider = await startPaidProvider()
  folder = await makeFolder()
})
afterEach(() => void output.push(...gateway.output))
afterAll(async () => {
  await gateway.end('SIGKILL')
  await provider.close()
  await removeFolder(folder)
})
// Runs before the one above, which then runs whatever is found here.
afterAll(async () => {
  await start()
  await gateway.untilLogged('took up unfinished operations')
  await gateway.end('SIGTERM')
  await lookInto({ folder }, ({ prisma }) => checkInvariants({ prisma, provider, folders: [folder], output }))
})

/** Holds the provider's answers to these prompts until told. */
function hold(prompts: string[]): () => void {
  const release = Promise.withResolvers<void>()
  for (const prompt of prompts) provider.answer(prompt, after(release.promise))
  return release.resolve
}

const called = (prompts: string[]) =>
  provider.until((calls) => prompts.every((prompt) => calls.some((call) => call.prompt === prompt)))

/** The raw text of an event stream, once it has ended. */
const follow = async (id: string): Promise<{ text: Promise<string> }> => {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({
      query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { sequence status } }',
      variables: { id },
    }),
  })
  return { text: response.text() }
}

const edit = async (prompt: string) => {
  const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id status done } }'
  const input = {
    image: [{ upload: null }],
    prompt,
    model: 'paid/gpt-image-2',
    size: '1024x1024',
    quality: 'LOW',
  }
  const files = { 'input.image.0.upload': await photoFile() }
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    body: multipart(query, { input }, files),
  })
  return (await response.json()) as { data: { editImage: { id: string; status: string; done: boolean } } }
}

describe('a gateway that is told to stop', () => {
  test('SYS-08: says so, takes nothing new, sends followers elsewhere and ends what runs', async () => {
    await start({
      drainDelayMs: 1_000,
      drainTimeoutMs: 20_000,
      streamsPerUser: 1_000,
      concurrentOperations: 12,
    })
    const prompts = Array.from({ length: 10 }, (_, index) => `a drain ${index}`)
    const release = hold(prompts)
    const ids = await Promise.all(prompts.map((prompt) => accepted(gateway, { prompt })))
    const streams = await Promise.all(
      Array.from({ length: 100 }, (_, index) => follow(ids[index % ids.length] as string)),
    )
    await called(prompts)
    expect((await gateway.vitals()).loopDelayMs, 'I7').toBeLessThan(500)

    gateway.signal('SIGTERM')
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 503)
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
    const refused = await generate(gateway, { prompt: 'too late for a drain' })
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(refused.errors?.[0]?.extensions.retryAfterMs).toBeGreaterThan(0)

    const texts = await Promise.all(streams.map(({ text }) => text))
    const retries = texts.map((text) => Number(/^retry: (\d+)$/m.exec(text)?.[1]))
    expect(texts.filter((text) => text.includes('event: complete'))).toEqual([])
    expect(new Set(retries).size).toBeGreaterThan(50)
    expect(Math.min(...retries)).toBeGreaterThan(0)
    release()
    expect(await gateway.exited).toEqual({ code: 0, signal: null })

    await start()
    const operations = await Promise.all(ids.map((id) => readOperation(gateway, id)))
    expect(operations.map(({ status }) => status)).toEqual(ids.map(() => 'SUCCEEDED'))
    expect(prompts.map(provider.paidFor)).toEqual(prompts.map(() => 1))
    await gateway.end('SIGTERM')
  })

  test('SYS-08: lets a mutation wait for what runs, and answers with what only waits in the queue', async () => {
    await start({ concurrentOperations: 1, drainTimeoutMs: 20_000 })
    const release = hold(['an edit that runs'])
    const running = edit('an edit that runs')
    await called(['an edit that runs'])
    const waiting = edit('an edit that waits')
    const queued = await untilQueued('an edit that waits')

    gateway.signal('SIGTERM')
    expect((await waiting).data.editImage).toEqual({ id: queued, status: 'QUEUED', done: false })
    release()
    expect((await running).data.editImage).toMatchObject({ status: 'SUCCEEDED', done: true })
    expect(await gateway.exited).toEqual({ code: 0, signal: null })

    await start()
    expect(await ended(gateway, queued)).toMatchObject({ status: 'SUCCEEDED' })
    await gateway.end('SIGTERM')
  })

  test('SYS-08: leaves what does not end in time to the next one, and exits in time', async () => {
    await start({ drainTimeoutMs: 500 })
    const prompt = 'a drain without end'
    provider.answer(prompt, silence)
    const id = await accepted(gateway, { prompt })
    await called([prompt])
    const startedAt = performance.now()
    expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(performance.now() - startedAt).toBeLessThan(8_000)
    await start()
    const operation = await ended(gateway, id)
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(provider.paidFor(prompt)).toBe(1)
    await gateway.end('SIGTERM')
  })

  test('SYS-09: ends at once when it is told twice, and at any time by force, with the books in order', async () => {
    await start({ drainTimeoutMs: 20_000 })
    provider.answer('told twice', silence)
    await accepted(gateway, { prompt: 'told twice' })
    await called(['told twice'])
    gateway.signal('SIGTERM')
    await until(async () => (await fetch(`${gateway.url}/readyz`).catch(() => null))?.status !== 200)
    expect(await gateway.end('SIGTERM')).toEqual({ code: 1, signal: null })
    output.push(...gateway.output)

    await start({ drainTimeoutMs: 20_000 })
    provider.answer('killed while stopping', silence)
    await accepted(gateway, { prompt: 'killed while stopping' })
    await called(['killed while stopping'])
    gateway.signal('SIGTERM')
    expect(await gateway.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
  })
})

async function untilQueued(description: string): Promise<string> {
  let id: string | undefined
  await until(async () => {
    const { data } = await gateway.graphql<{
      operations: { edges: { node: { id: string; description: string } }[] }
    }>('{ operations(first: 20) { edges { node { id description } } } }')
    id = data.operations.edges.find(({ node }) => node.description === description)?.node.id
    return id !== undefined
  })
  return id as unknown as string
}
