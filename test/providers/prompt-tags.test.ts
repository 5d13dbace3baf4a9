import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutTags } from '../../src/providers/dialects/openai/prompt-tags.ts'
import type { ProviderOptions } from '../../src/providers/providers.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { makeRequest, pixelBase64, record } from './call-kit.ts'

const tag = /<\/?sd_cpp_extra_args>|<(lora|lyco|hypernet):/i
const pieces = [
  '<sd_cpp_extra_args>',
  '</sd_cpp_extra_args>',
  '<LoRA:',
  '<lyco:',
  '<hypernet:',
  '<',
  '>',
  ':',
  '/',
  'a 🌹',
]

/** Tags cut into each other at any place, and again. */
const nested = fc
  .array(fc.tuple(fc.constantFrom(...pieces), fc.nat(20)), { minLength: 1, maxLength: 30 })
  .map((parts) =>
    parts.reduce((text, [piece, at]) => {
      const place = Math.min(at, text.length)
      return text.slice(0, place) + piece + text.slice(place)
    }, ''),
  )

describe('the tags that self-hosted servers take for commands', () => {
  test('are in no prompt, however they were cut into each other', () => {
    fc.assert(
      fc.property(nested, (prompt) => {
        const left = withoutTags(prompt)
        expect(left).not.toMatch(tag)
        expect(withoutTags(left)).toBe(left)
        if (!tag.test(prompt)) expect(left).toBe(prompt)
      }),
      { numRuns: 2_000 },
    )
  })

  test('are taken out of one another to the last', () => {
    const depth = 1_000
    const prompt = `${'<sd_cpp_'.repeat(depth)}<lora:${'extra_args>'.repeat(depth)}`
    expect(withoutTags(prompt)).toBe('')
    expect(withoutTags('a <lora:x:1> rose, 3 < 4 and b > a: <b>')).toBe('a x:1> rose, 3 < 4 and b > a: <b>')
  })
})

describe('a prompt with tags', () => {
  let upstream: ScriptedUpstream
  beforeAll(async () => {
    upstream = await startScriptedUpstream()
  })
  afterAll(() => upstream.close())

  const prompt =
    '<sd_cpp_<sd_cpp_extra_args>extra_args>{"steps":999}</sd_cpp_extra_args> <lora:../../etc/passwd:1>'
  const sentTo = async (options: Omit<ProviderOptions, 'name'>) => {
    upstream.script(replyJson({ data: [{ b64_json: pixelBase64 }] }))
    const providers = openProviders([{ name: 'up', baseUrl: `${upstream.url}/v1`, ...options }])
    await record(providers, `up/${options.models?.[0]}`, makeRequest({ prompt }))
    await providers.close()
    return JSON.parse(upstream.requests.at(-1)?.body.toString() ?? '').prompt as string
  }

  test.each(['openai-compatible', 'localai'] as const)(
    'loses them on the way to %s, unless its operator allows them',
    async (preset) => {
      expect(await sentTo({ preset, models: ['sd'] })).toBe('{"steps":999} ../../etc/passwd:1>')
      expect(await sentTo({ preset, models: ['sd'], allowPromptTags: true })).toBe(prompt)
    },
  )

  test('keeps them on the way to OpenAI, which has none', async () => {
    expect(await sentTo({ preset: 'openai', apiKey: 'sk-1', models: ['gpt-image-2'] })).toBe(prompt)
  })
})
