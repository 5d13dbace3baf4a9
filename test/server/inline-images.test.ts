import { describe, expect, it } from 'vitest'
import { EaselError } from '../../src/errors.ts'
import { InlineBudget } from '../../src/server/graphql/inline-budget.ts'
import { InlineImages, type InlineImagesOptions } from '../../src/server/graphql/inline-images.ts'
import { splice } from '../../src/server/graphql/spliced-text.ts'
import { until } from '../kit/until.ts'
import { openToyGateway } from './toy-gateway.ts'
import { bytesOf, read } from './toy-picture.ts'
import { askUnread } from './unread-answer.ts'

const MB = 1024 * 1024
const blank = {
  length: 3,
  async *read() {
    yield Buffer.from('abc')
  },
}
const open = (budget: InlineBudget, options: Partial<InlineImagesOptions> = {}) =>
  new InlineImages({ maxBytes: 10 * MB, budget, userId: 'ann', isStreamed: () => false, ...options })

async function refusalOf(images: InlineImages, bytes: number): Promise<unknown> {
  const found = { count: 0 }
  const find = async () => {
    found.count += 1
    return blank
  }
  const error = await images.add(bytes, find).catch((thrown: unknown) => thrown)
  // What is refused is not even looked for.
  expect(found.count).toBe(error instanceof Error ? 0 : 1)
  return error instanceof EaselError ? error.details : null
}

describe('images of an answer', () => {
  it('have so many bytes at most', async () => {
    const images = open(new InlineBudget(100 * MB))
    expect(await refusalOf(images, 6 * MB)).toBeNull()
    expect(await refusalOf(images, 5 * MB)).toMatchObject({
      reason: 'BASE64_TOO_LONG',
      hint: 'USE_URL',
      allowed: { maxBytes: 10 * MB },
      actual: { atLeastBytes: 11 * MB },
    })
    expect(await refusalOf(images, 4 * MB)).toBeNull()
  })

  it('are counted anew for each event of a stream', async () => {
    const images = open(new InlineBudget(0), { isStreamed: () => true })
    expect(await refusalOf(images, 10 * MB)).toBeNull()
    expect(images.take().size).toBe(1)
    expect(await refusalOf(images, 10 * MB)).toBeNull()
  })

  it('stand where their marks are, and a text that looks like a mark stays', async () => {
    const images = open(new InlineBudget(100 * MB))
    const mark = await images.add(1, async () => blank)
    const madeUp = `easel-image-${crypto.randomUUID()}`
    const marked = { text: `{"a":"${mark}","é":"${madeUp}"}`, images: images.take() }
    const pieces = await Array.fromAsync(splice(marked, new AbortController().signal))
    expect(Buffer.concat(pieces).toString()).toBe(`{"a":"abc","é":"${madeUp}"}`)
  })
})

describe('the images of a user', () => {
  it('have so many bytes at most in all answers that are not sent', async () => {
    const budget = new InlineBudget(15 * MB)
    const [first, second] = [open(budget), open(budget)]
    expect(await refusalOf(first, 10 * MB)).toBeNull()
    expect(await refusalOf(second, 6 * MB)).toMatchObject({ reason: 'BASE64_BUSY', hint: 'USE_URL' })
    expect(await refusalOf(open(budget, { userId: 'bob' }), 6 * MB)).toBeNull()
    first.close()
    expect(await refusalOf(second, 6 * MB)).toBeNull()
  })

  it('count what a small answer costs as well', async () => {
    const budget = new InlineBudget(5 * MB)
    const answers = [open(budget), open(budget), open(budget)]
    const refused = await Promise.all(answers.map((answer) => refusalOf(answer, 1)))
    expect(refused).toMatchObject([null, null, { reason: 'BASE64_BUSY' }])
    for (const answer of answers) answer.close()
    expect(await refusalOf(open(budget), 5 * MB)).toBeNull()
  })

  it('count nothing once their answer is gone', async () => {
    const budget = new InlineBudget(10 * MB)
    const images = open(budget)
    await images.add(10 * MB, async () => blank)
    images.close()
    images.close()
    await expect(images.add(1, async () => blank)).rejects.toThrow('gone')
    expect(await refusalOf(open(budget), 10 * MB)).toBeNull()
  })
})

describe('an answer with images', () => {
  it('counts for its user until it is read or its client is gone', async () => {
    await using toy = await openToyGateway({ limits: { maxBase64BytesPerUser: bytesOf(49) } })
    const [large, small] = ['{ picture(megabytes: 24) }', '{ picture(megabytes: 1) }']
    const askAs = async (user: string) => {
      const response = await toy.post({ query: small }, { authorization: `Bearer ${user}` })
      return (await response.json()).errors?.[0]?.extensions ?? null
    }
    const before = read.pictures
    const unread = [await askUnread(toy.port, large), await askUnread(toy.port, large)]
    await until(() => read.pictures === before + 2)
    expect(await askAs('ann')).toMatchObject({ code: 'RATE_LIMITED', reason: 'BASE64_BUSY', hint: 'USE_URL' })
    expect(await askAs('bob')).toBeNull()
    for (const socket of unread) socket.destroy()
    await until(async () => (await askAs('ann')) === null)
    expect(await askAs('ann')).toBeNull()
  })

  it('is as long as it says, and goes on with the connection', async () => {
    await using toy = await openToyGateway()
    const response = await toy.post({
      query: '{ before: hello(name: "é") picture(megabytes: 1) after: viewer }',
    })
    const text = await response.text()
    expect(Number(response.headers.get('content-length'))).toBe(Buffer.byteLength(text))
    const { before, picture, after } = JSON.parse(text).data
    expect([before, after]).toEqual(['hello é', 'ann'])
    expect(Buffer.from(picture, 'base64').equals(Buffer.alloc(bytesOf(1), 'x'))).toBe(true)
  })

  it('is cut off with its connection where an image breaks off', async () => {
    await using toy = await openToyGateway()
    const plain = await toy.post({ query: '{ picture(megabytes: 1, breaks: true) }' })
    await expect(plain.text()).rejects.toThrow()
    const query = 'subscription { pictures(megabytes: 1, breaks: true) }'
    const stream = await toy.post({ query }, { accept: 'text/event-stream' })
    await expect(stream.text()).rejects.toThrow()
    expect((await toy.post({ query: '{ viewer }' })).status).toBe(200)
  })

  it('is all of a stream that goes on when one of its operations ends in the middle of an image', async () => {
    await using toy = await openToyGateway()
    const path = `${toy.url}/graphql/stream`
    const headers = { authorization: 'Bearer ann', 'content-type': 'application/json' }
    const token = await (await fetch(path, { method: 'PUT', headers })).text()
    const own = { ...headers, 'x-graphql-event-stream-token': token }
    const start = (query: string, operationId: string) =>
      fetch(path, {
        method: 'POST',
        headers: own,
        body: JSON.stringify({ query, extensions: { operationId } }),
      })
    const stream = await fetch(path, { headers: { ...own, accept: 'text/event-stream' } })
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    const readUntil = async (word: string) => {
      const parts: string[] = []
      for (let done = false; !done && !parts.slice(-2).join('').includes(word); ) {
        const step = await reader?.read()
        done = step?.done ?? true
        parts.push(step?.value ?? '')
      }
      return parts.join('')
    }
    await start('subscription { pictures(megabytes: 16) }', 'large')
    const begun = await readUntil('eHh4')
    await fetch(`${path}?operationId=large`, { method: 'DELETE', headers: own })
    await start('{ viewer }', 'small')
    const rest = await readUntil('"viewer":"ann"')
    // The message that was begun is sent to its end, and no other picture is.
    expect((begun + rest).match(/"pictures":"/g)).toHaveLength(1)
    expect((begun + rest).length).toBeGreaterThan(bytesOf(16))
    await reader?.cancel()
  })
})
