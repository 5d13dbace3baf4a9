import { describe, expect, test } from 'vitest'
import { accepted, ended } from '../kit/client/operation-client.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { until } from '../kit/until.ts'
import { image, refuse, usage } from '../kit/upstream/image-replies.ts'
import { providerNames, startRuns } from './runs.ts'

const bed = shareTestBed({
  database: 'embedded',
  names: providerNames,
  limits: { concurrentOperations: 40 },
})
const runs = startRuns(bed)

describe('an upstream that says "later"', () => {
  test('UPS-04: is asked again, and not earlier than it said', async () => {
    const { operation, ms, asked, paid } = await runs.run([refuse(429, { 'retry-after': '1' })])
    expect(operation).toMatchObject({ status: 'SUCCEEDED', metadata: { attempts: 2 } })
    expect(ms).toBeGreaterThanOrEqual(1_000)
    expect({ asked, paid }).toEqual({ asked: 2, paid: 1 })
  })

  test('UPS-04: beyond the deadline is told to the caller', async () => {
    const { operation, asked } = await runs.run([refuse(429, { 'retry-after': '3600' })])
    expect(operation).toMatchObject({
      status: 'FAILED',
      error: { reason: 'RATE_LIMITED', retryAfterMs: 3_600_000 },
    })
    expect(asked).toBe(1)
  })

  test('UPS-04: by a date is asked after that date', async () => {
    const date = new Date(Date.now() + 2_000).toUTCString()
    const { operation } = await runs.run([refuse(429, { 'retry-after': date })])
    expect(operation.status).toBe('SUCCEEDED')
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(date))
  })

  test.each(['abc', '-5', '1e9', ''])(
    'UPS-04: in nonsense (%j) gets a pause of our own',
    async (retryAfter) => {
      const { operation, asked } = await runs.run([refuse(429, { 'retry-after': retryAfter })])
      expect(operation.status).toBe('SUCCEEDED')
      expect(asked).toBe(2)
    },
  )

  test('UPS-04: holds back the other operations of the provider, not only the one that was told', async () => {
    const { provider, gateway } = bed
    const model = `${runs.take()}/gpt-image-2`
    const prompts = ['one', 'two', 'three'].map((which) => `a lighthouse held ${which}`)
    provider.answer(prompts[0] as string, refuse(429, { 'retry-after': '1' }))
    const ask = (prompt: string) => accepted(gateway, { prompt, model })
    const first = await ask(prompts[0] as string)
    await provider.until((calls) => calls.some(({ prompt }) => prompt === prompts[0]))
    await until(async () =>
      (await bed.story(prompts[0] as string)).events.some((each) => each.endsWith('WAITING_TO_RETRY')),
    )
    const others = await Promise.all(prompts.slice(1).map(ask))
    const operations = await Promise.all([first, ...others].map((id) => ended(gateway, id)))
    expect(operations.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED'])
    const [told, ...later] = provider.calls.filter(({ prompt }) => prompts.includes(prompt))
    expect(later).toHaveLength(3)
    for (const { at } of later) expect(at - (told?.at ?? 0)).toBeGreaterThanOrEqual(1_000)
  })
})

describe('the usage in an answer', () => {
  const nonsense: [string, unknown][] = [
    ['negative', { ...usage, total_tokens: -1, input_tokens: -10, output_tokens: -5 }],
    ['in fractions', { ...usage, total_tokens: 0.5, output_tokens: 1.5 }],
    ['in words', { input_tokens: 'ten', output_tokens: 'many', total_tokens: 'more' }],
    ['beyond 2^63', { ...usage, total_tokens: 2 ** 63, output_tokens: 2 ** 63 }],
    ['absent', undefined],
    ['null', null],
  ]
  test.each(nonsense)('MON-12: that is %s costs no image, and is estimated', async (_, given) => {
    const { operation } = await runs.run([image({ usage: given })])
    expect(operation.status).toBe('SUCCEEDED')
    expect(operation.response?.usage.totalTokens).toBeGreaterThan(0)
  })
})
