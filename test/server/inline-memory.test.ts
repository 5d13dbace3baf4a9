import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../kit/until.ts'
import { forkGateway, type MeasuredGateway, type Memory } from './measured-gateway.ts'
import { bytesOf } from './toy-picture.ts'
import { askUnread } from './unread-answer.ts'

const megabyte = 2 ** 20
let gateway: MeasuredGateway
let idle: number
let highest = 0

beforeAll(async () => {
  gateway = await forkGateway()
  await readAnswer('{ picture(megabytes: 1) }')
  idle = (await gateway.measure()).rss
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** Reads an answer to its end and keeps nothing of it. Returns its length. */
async function readAnswer(query: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${gateway.port}/graphql`, {
    method: 'POST',
    headers: { authorization: 'Bearer ann', 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  let length = 0
  for await (const chunk of response.body ?? []) length += chunk.length
  return length
}

async function measure(): Promise<Memory> {
  const memory = await gateway.measure()
  highest = Math.max(highest, memory.peak)
  return memory
}

async function raised(): Promise<number> {
  await measure()
  return (highest - idle) / megabyte
}

/** Until the sockets have taken what they take unread. */
async function untilStill(): Promise<void> {
  let seen = -1
  await until(async () => {
    const { chunks } = await measure()
    const isStill = chunks === seen
    seen = chunks
    return isStill
  })
}

describe('the memory of a gateway', () => {
  // Measured: 18 MB. Held as texts these would take 170.
  it('hardly grows with a document of eight pictures of 16 MB', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `p${i}`)
    const length = await readAnswer(`{ ${names.map((name) => `${name}: picture(megabytes: 16)`).join(' ')} }`)
    expect(length).toBeGreaterThan(8 * (bytesOf(16) / 3) * 4)
    expect(await raised()).toBeLessThan(100)
  })

  // Measured: 37 MB. Held as texts these would take 960.
  it('hardly grows with sixty event streams of pictures of 12 MB that nobody reads', async () => {
    const { pictures } = await measure()
    const streams = await Promise.all(
      Array.from({ length: 60 }, () =>
        askUnread(gateway.port, 'subscription { pictures(megabytes: 12) }', { accept: 'text/event-stream' }),
      ),
    )
    await until(async () => (await measure()).pictures === pictures + 60)
    await untilStill()
    expect(await raised()).toBeLessThan(150)
    for (const stream of streams) stream.destroy()
  })
})
