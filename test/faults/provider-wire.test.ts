import { describe, expect, test } from 'vitest'
import { multipart } from '../kit/client/graphql-client.ts'
import { accepted, ended, type OperationAnswer } from '../kit/client/operation-client.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { hangMs } from '../kit/limits.ts'
import type { FaultProxy } from '../kit/network/fault-proxy.ts'
import { photoFile } from '../kit/photo.ts'
import { after as answerAfter } from '../kit/upstream/image-replies.ts'
import { firstDeadline, withDeadline } from './passing-deadline.ts'

/** What the wire to a provider may do to a call that costs money. The provider's own books say what was paid. */
describe('a wire to a provider', () => {
  let wire: FaultProxy
  const bed = shareTestBed(
    { database: 'embedded', wires: ['provider'] },
    {
      prepare: async (opened) => {
        wire = opened.wire('provider')
        // The first operation of a process is slow with what it loads, which is no matter of the wire.
        await ended(opened.gateway, await accepted(opened.gateway, { prompt: 'the first one' }))
        await opened.gateway.vitals()
      },
    },
  )

  const asked = (prompt: string) => bed.provider.calls.filter((call) => call.prompt === prompt).length
  const books = (prompt: string) => ({ asked: asked(prompt), paid: bed.provider.paidFor(prompt) })
  /** The house pays for what may have been paid, and nobody for anything else. */
  async function expectUnknown(operation: OperationAnswer, prompt: string): Promise<void> {
    unknown(operation)
    const { ledger } = await bed.story(prompt)
    expect(ledger.map((entry) => entry.split(' ')[0])).toEqual(['PROVIDER_LOSS', 'RELEASE', 'RESERVE'])
  }

  /** Submits, and waits until the provider has it whole and works; the answer comes when it is told to. */
  async function atWork(prompt: string): Promise<{ id: string; answer: () => void }> {
    const { promise, resolve } = Promise.withResolvers<void>()
    bed.provider.answer(prompt, answerAfter(promise))
    const id = await accepted(bed.gateway, { prompt })
    await bed.provider.until(() => asked(prompt) === 1)
    return { id, answer: resolve }
  }

  test('UPS-06: on which everything is late is waited for, and paid once', async () => {
    wire.delay(100)
    const prompt = 'a late answer'
    const id = await accepted(bed.gateway, { prompt })
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED', metadata: { attempts: 1 } })
    expect(books(prompt)).toEqual({ asked: 1, paid: 1 })
    wire.delay(0)
  })

  test('UPS-06: on which the answer comes a few bytes at a time is waited for, and paid once', async () => {
    wire.drip(7, 1)
    const prompt = 'an answer in drips'
    const id = await accepted(bed.gateway, { prompt })
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED', metadata: { attempts: 1 } })
    expect(books(prompt)).toEqual({ asked: 1, paid: 1 })
    wire.drip(0, 0)
  })

  test('UPS-01: that is reset within a request does not get it again, though it was not whole', async () => {
    const prompt = 'half of a request'
    const cut = wire.resetAfter('client', 1_000)
    const id = await acceptedEdit(bed.gateway.url, prompt)
    await cut
    await expectUnknown(await ended(bed.gateway, id), prompt)
    expect(books(prompt)).toEqual({ asked: 0, paid: 0 })
  })

  test('UPS-01: that is reset while the provider works does not get the request again', async () => {
    const prompt = 'a reset before the answer'
    const { id, answer } = await atWork(prompt)
    wire.reset()
    await expectUnknown(await ended(bed.gateway, id), prompt)
    answer()
    expect(books(prompt)).toEqual({ asked: 1, paid: 1 })
  })

  test('UPS-02: that is reset within the answer does not get the request again', async () => {
    const prompt = 'a reset within the answer'
    const cut = wire.resetAfter('server', 300)
    const id = await accepted(bed.gateway, { prompt })
    await cut
    await expectUnknown(await ended(bed.gateway, id), prompt)
    expect(books(prompt)).toEqual({ asked: 1, paid: 1 })
  })

  for (const [end, whose] of [
    ['client', "the gateway's"],
    ['server', "the provider's"],
  ] as const) {
    test(`UPS-01: of which ${whose} half is closed does not get the request again`, async () => {
      const prompt = `a half that is closed, ${end}`
      const { id, answer } = await atWork(prompt)
      wire.halfClose(end)
      await expectUnknown(await ended(bed.gateway, id), prompt)
      answer()
      expect(books(prompt)).toEqual({ asked: 1, paid: 1 })
    })
  }

  test('UPS-15: that is refused for a while gets the request when it is there again, and it is paid once', async () => {
    await wire.refuse(true)
    const prompt = 'a request that was refused'
    const again = await bed.gateway.arm('prepared', { skip: 1, how: 'HOLD' })
    const id = await accepted(bed.gateway, { prompt })
    await again.reached
    await wire.refuse(false)
    await bed.gateway.goOn()
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED', metadata: { attempts: 2 } })
    expect(books(prompt)).toEqual({ asked: 1, paid: 1 })
  })

  test('UPS-03: that hangs is left at the deadline, and the place of its operation is free for others', async () => {
    const limits = { concurrentOperations: 1 }
    await bed.leave()
    await bed.start({ limits: { ...limits, ...firstDeadline } })
    const { id, prompt } = await withDeadline(bed, limits, async (operationTimeoutMs) => {
      const prompt = `an answer that hangs for ${operationTimeoutMs} ms`
      const told = Promise.withResolvers<void>()
      bed.provider.answer(prompt, answerAfter(told.promise))
      const id = await accepted(bed.gateway, { prompt })
      const asking = bed.provider
        .until(() => asked(prompt) === 1)
        .then(
          () => true,
          () => false,
        )
      const isAsked = await Promise.race([asking, ended(bed.gateway, id).then(() => false)])
      wire.freeze(isAsked)
      told.resolve()
      return isAsked ? { id, prompt } : null
    })
    await expectUnknown(await ended(bed.gateway, id), prompt)
    expect(books(prompt)).toEqual({ asked: 1, paid: 1 })
    wire.freeze(false)
    expect(await ended(bed.gateway, await accepted(bed.gateway, { prompt: 'the next one' }))).toMatchObject({
      status: 'SUCCEEDED',
    })
  })
})

function unknown(operation: OperationAnswer): void {
  expect(operation).toMatchObject({
    status: 'FAILED',
    error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
    metadata: { attempts: 1 },
  })
}

async function acceptedEdit(url: string, prompt: string): Promise<string> {
  const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }'
  const input = {
    image: [{ upload: null }],
    prompt,
    model: 'paid/gpt-image-2',
    size: '1024x1024',
    quality: 'LOW',
    stream: true,
  }
  const body = multipart(query, { input }, { 'input.image.0.upload': await photoFile() })
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    body,
    signal: AbortSignal.timeout(hangMs),
  })
  const { data, errors } = (await response.json()) as {
    data: { editImage: { id: string } }
    errors?: object[]
  }
  if (errors) throw new Error(JSON.stringify(errors))
  return data.editImage.id
}
