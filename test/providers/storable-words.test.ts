import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ProviderFailure } from '../../src/providers/failure.ts'
import type { Providers } from '../../src/providers/providers.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { reply, replyEvents, replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { makeRequest, pixelBase64, type Recorded, record } from './call-kit.ts'

let upstream: ScriptedUpstream
let providers: Providers

beforeEach(async () => {
  upstream = await startScriptedUpstream()
  providers = openProviders([
    { name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1`, apiKey: 'sk-test-0123456789' },
    {
      name: 'art',
      preset: 'yandex-art',
      baseUrl: upstream.url,
      apiKey: 'AQVN-secret',
      folderId: 'b1gfolder',
    },
  ])
})

afterEach(async () => {
  await providers.close()
  await upstream.close()
})

const image = { b64_json: pixelBase64 }
const answered = (more: object) => replyJson({ created: 1, data: [image], ...more })
const refused = (error: object) => replyJson({ error }, { status: 400 })
const moderated = (details: object) =>
  refused({ code: 'moderation_blocked', message: 'No', moderation_details: details })

const openai: [string, Script][] = [
  ['a revised prompt', answered({ data: [{ ...image, revised_prompt: 'a\0b' }] })],
  ['a size', answered({ size: '10\0x10' })],
  ['a lone surrogate', answered({ size: '\ud800' })],
  ['an event', replyEvents(`data: ${JSON.stringify({ type: 'x.completed', ...image, size: '\0' })}\n\n`)],
  ['a moderation category', moderated({ moderation_stage: 'output', categories: ['a\0b', '\udc00'] })],
  ['a category that is cut within a character', moderated({ categories: [`${'x'.repeat(63)}😀`] })],
  ['a moderation stage', moderated({ moderation_stage: 'o\0', categories: [] })],
  ['a message', refused({ message: 'Not \ud800 so' })],
  ['a message within a message', refused({ message: '{"error":{"message":"Not \\u0000 \\ud800 so"}}' })],
  ['a message that is cut within a character', refused({ message: `${'x'.repeat(299)}😀` })],
  ['an error that is no JSON', reply(Buffer.from('it broke\0'), { status: 400 })],
  ['a header', replyJson({ data: [image] }, { headers: { 'x-request-id': 'a\0b' } })],
  ['a long header', replyJson({ data: [image] }, { headers: { 'x-request-id': `${'x'.repeat(511)}😀` } })],
]

test.each(openai)('%s of an OpenAI reply can be kept by PostgreSQL', async (_, script) => {
  upstream.script(script)
  expect(findUnstorable(wordsOf(await record(providers, 'up/gpt-image-2', makeRequest())))).toEqual([])
})

describe('a reply of yandex-art', () => {
  const model = 'art/yandex-art'
  const request = makeRequest({ model })
  const done = (response: object) => replyJson({ id: 'op', done: true, response })

  test('has a model version that PostgreSQL can keep', async () => {
    upstream.script(
      replyJson({ id: 'op', done: false }),
      done({ image: pixelBase64, modelVersion: 'a\0\ud800' }),
    )
    const recorded = await record(providers, model, request)
    expect(recorded.error).toBeNull()
    expect(findUnstorable(wordsOf(recorded))).toEqual([])
  })

  test('whose operation has a name that cannot be kept is one that nobody can ask for', async () => {
    upstream.script(replyJson({ id: 'o\0p', done: false }))
    const { error, submitted } = await record(providers, model, request)
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'UPSTREAM_INVALID_RESPONSE' })
    expect(submitted).toEqual([])
  })
})

/** Everything of a call that goes into the database. */
function wordsOf({ events, error, submitted }: Recorded): unknown[] {
  const failures = error instanceof ProviderFailure ? [error.message, error.details] : []
  expect(events.length + failures.length).toBeGreaterThan(0)
  return [...events.map((event) => ({ ...event, image: null })), ...failures, ...submitted]
}

function findUnstorable(value: unknown): string[] {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0') ? [] : [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(findUnstorable) : []
}
