import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { describe, expect } from 'vitest'
import { type Answer, multipart } from '../kit/client/graphql-client.ts'
import { accepted, ended, readOperation } from '../kit/client/operation-client.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { databases } from '../kit/gateway/test-bed.ts'
import { isLong } from '../kit/limits.ts'
import { photoFile } from '../kit/photo.ts'
import { until } from '../kit/until.ts'
import type { Script as ProviderAnswer } from '../kit/upstream/exchange.ts'
import { after, refuse } from '../kit/upstream/image-replies.ts'
import { silence } from '../kit/upstream/replies.ts'
import { turnsOn } from './turns.ts'

interface Edited {
  editImage: { id: string; done: boolean }
}

describe.each(databases)('a gateway that is told to stop (%s)', (database) => {
  const test = turnsOn(database)
  // A server takes the catalogue's crowd in a few seconds; the embedded one computes in the gateway's own thread.
  const crowd =
    database === 'server' && isLong
      ? { operations: 50, streams: 500, uploads: 20 }
      : { operations: 10, streams: 100, uploads: 5 }
  const bed = shareTestBed(
    {
      database,
      // Who is asked when the first one refuses.
      names: ['paid', 'second'],
      limits: { streamsPerUser: 1_000, concurrentOperations: crowd.operations },
    },
    // A gateway that was killed leaves files behind; a later start removes them.
    { leftovers: true, sweeps: isLong },
  )

  /** Holds the provider's answers to these prompts until told, the first ones apart. */
  function hold(prompts: string[], ...first: ProviderAnswer[]): () => void {
    const release = Promise.withResolvers<void>()
    for (const prompt of prompts) bed.provider.answer(prompt, ...first, after(release.promise))
    return release.resolve
  }

  const called = (prompts: string[]) =>
    bed.provider.until((calls) => prompts.every((prompt) => calls.some((call) => call.prompt === prompt)))

  /** The raw text of an event stream, once it has ended. */
  const follow = async (id: string): Promise<{ text: Promise<string> }> => {
    const response = await fetch(`${bed.gateway.url}/graphql`, {
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
    const response = await fetch(`${bed.gateway.url}/graphql`, {
      method: 'POST',
      body: multipart(query, { input }, files),
    })
    return (await response.json()) as { data: { editImage: { id: string; status: string; done: boolean } } }
  }

  test('SYS-08: says so, accepts what still comes, sends followers elsewhere and ends what runs', async () => {
    const announced = await bed.gateway.arm('announced', { how: 'HOLD' })
    const prompts = Array.from({ length: crowd.operations }, (_, index) => `a drain ${index}`)
    const release = hold(prompts)
    const ids = await Promise.all(prompts.map((prompt) => accepted(bed.gateway, { prompt })))
    const streams = await Promise.all(
      Array.from({ length: crowd.streams }, (_, index) => follow(ids[index % ids.length] as string)),
    )
    const uploads = await Promise.all(
      Array.from({ length: crowd.uploads }, () => beginUpload('an upload in a drain')),
    )
    await called(prompts)

    bed.gateway.signal('SIGTERM')
    await announced.reached
    expect((await fetch(`${bed.gateway.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${bed.gateway.url}/healthz`)).status).toBe(200)
    // Its place is taken by those that run: the next start carries it out.
    const lateId = await accepted(bed.gateway, { prompt: 'late for a drain' })
    await bed.gateway.goOn()

    const texts = await Promise.all(streams.map(({ text }) => text))
    const retries = texts.map((text) => Number(/^retry: (\d+)$/m.exec(text)?.[1]))
    expect(texts.filter((text) => text.includes('event: complete'))).toEqual([])
    expect(new Set(retries).size).toBeGreaterThan(crowd.streams / 2)
    expect(Math.min(...retries)).toBeGreaterThan(0)
    // Its port is closed, and still the uploads that were on their way are received to the end.
    await until(async () => (await fetch(`${bed.gateway.url}/healthz`).catch(() => null)) === null)
    const edits = await Promise.all(uploads.map((end) => end()))
    expect(edits.map(({ data, errors }) => errors ?? data.editImage.done)).toEqual(uploads.map(() => false))
    release()
    expect(await bed.gateway.exited).toEqual({ code: 0, signal: null })

    await bed.start()
    const operations = await Promise.all(ids.map((id) => readOperation(bed.gateway, id)))
    expect(operations.map(({ status }) => status)).toEqual(ids.map(() => 'SUCCEEDED'))
    const lateIds = [lateId, ...edits.map(({ data }) => data.editImage.id)]
    const late = await Promise.all(lateIds.map((id) => ended(bed.gateway, id)))
    expect(late.map(({ status }) => status)).toEqual(lateIds.map(() => 'SUCCEEDED'))
    expect([...prompts, 'late for a drain'].map(bed.provider.paidFor)).toEqual(
      [...prompts, 'late for a drain'].map(() => 1),
    )
    expect(bed.provider.paidFor('an upload in a drain')).toBe(crowd.uploads)
  })

  test('SYS-08: waits for a second provider that is asked after the first one refused', async () => {
    const prompt = 'a drain at the second one'
    const release = hold([prompt], refuse(429))
    const id = await accepted(bed.gateway, { prompt, model: 'gpt-image-2' })
    await bed.provider.until((calls) => calls.filter((call) => call.prompt === prompt).length === 2)
    bed.gateway.signal('SIGTERM')
    await until(async () => (await fetch(`${bed.gateway.url}/readyz`).catch(() => null))?.status !== 200)
    release()
    expect(await bed.gateway.exited).toEqual({ code: 0, signal: null })
    await bed.start()
    expect(await readOperation(bed.gateway, id)).toMatchObject({
      status: 'SUCCEEDED',
      metadata: { attempts: 2 },
    })
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test('SYS-08: lets a mutation wait for what runs, and answers with what only waits in the queue', async () => {
    const others = Array.from({ length: crowd.operations - 1 }, (_, index) => `beside an edit ${index}`)
    const release = hold(['an edit that runs', ...others])
    await Promise.all(others.map((prompt) => accepted(bed.gateway, { prompt })))
    const running = edit('an edit that runs')
    await called(['an edit that runs', ...others])
    const waiting = edit('an edit that waits')
    const queued = await untilQueued('an edit that waits')

    bed.gateway.signal('SIGTERM')
    expect((await waiting).data.editImage).toEqual({ id: queued, status: 'QUEUED', done: false })
    release()
    expect((await running).data.editImage).toMatchObject({ status: 'SUCCEEDED', done: true })
    expect(await bed.gateway.exited).toEqual({ code: 0, signal: null })

    await bed.start()
    expect(await ended(bed.gateway, queued)).toMatchObject({ status: 'SUCCEEDED' })
  })

  test('SYS-08: leaves what does not end in time to the next one, and exits in time', async () => {
    await bed.leave()
    await bed.start({ limits: { drainTimeoutMs: 500 } })
    const prompt = 'a drain without end'
    bed.provider.answer(prompt, silence)
    const id = await accepted(bed.gateway, { prompt })
    await called([prompt])
    // The provider is silent for ever: that it ends at all is what is looked at.
    expect(await bed.gateway.end('SIGTERM')).toEqual({ code: 0, signal: null })
    await bed.start()
    const operation = await ended(bed.gateway, id)
    expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test('SYS-09: ends at once when it is told twice, and at any time by force, with the books in order', async () => {
    bed.provider.answer('told twice', silence)
    await accepted(bed.gateway, { prompt: 'told twice' })
    await called(['told twice'])
    bed.gateway.signal('SIGTERM')
    await until(async () => (await fetch(`${bed.gateway.url}/readyz`).catch(() => null))?.status !== 200)
    expect(await bed.gateway.end('SIGTERM')).toEqual({ code: 1, signal: null })

    await bed.start()
    bed.provider.answer('killed while stopping', silence)
    await accepted(bed.gateway, { prompt: 'killed while stopping' })
    await called(['killed while stopping'])
    bed.gateway.signal('SIGTERM')
    expect(await bed.gateway.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
    await bed.start()
  })

  /** Sends half of an upload; the answer comes once the rest has been sent. */
  async function beginUpload(prompt: string): Promise<() => Promise<Answer<Edited>>> {
    const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id done } }'
    const input = { image: [{ upload: null }], prompt, model: 'paid/gpt-image-2' }
    const form = new Response(multipart(query, { input }, { 'input.image.0.upload': await photoFile() }))
    const body = Buffer.from(await form.arrayBuffer())
    const headers = { 'content-type': form.headers.get('content-type') ?? '', 'content-length': body.length }
    const sending = request(`${bed.gateway.url}/graphql`, { method: 'POST', headers })
    const answered = once(sending, 'response')
    const half = Math.floor(body.length / 2)
    await new Promise((resolve) => sending.write(body.subarray(0, half), resolve))
    return async () => {
      sending.end(body.subarray(half))
      const [response] = (await answered) as [IncomingMessage]
      return JSON.parse(await readText(response))
    }
  }

  async function untilQueued(description: string): Promise<string> {
    let id: string | undefined
    await until(async () => {
      const { data } = await bed.gateway.graphql<{
        operations: { edges: { node: { id: string; description: string } }[] }
      }>('{ operations(first: 20) { edges { node { id description } } } }')
      id = data.operations.edges.find(({ node }) => node.description === description)?.node.id
      return id !== undefined
    })
    return id as unknown as string
  }
})
