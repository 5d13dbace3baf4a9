import { expect } from 'vitest'
import { ended, generate, type OperationAnswer } from '../kit/client/operation-client.ts'
import type { TestBed } from '../kit/gateway/test-bed.ts'
import type { Script } from '../kit/upstream/exchange.ts'

/** Each run has a provider of its own: one that keeps failing is paused, and one that says "later" is left alone. */
export const providerNames = Array.from({ length: 40 }, (_, index) => `p${index}`)

export interface Ran {
  operation: OperationAnswer
  /** From the acceptance to the end. */
  ms: number
  /** How often the provider was asked, and how often it charged for it. */
  asked: number
  paid: number
}

/** An operation at a provider that nobody else uses, which gives these answers and then images. */
export function startRuns(bed: TestBed) {
  let next = 0
  const take = () => {
    const name = providerNames[next++]
    if (!name) throw new Error('There are not enough providers')
    return name
  }
  const run = async (answers: Script[], more: Record<string, unknown> = {}): Promise<Ran> => {
    const name = take()
    const prompt = `a lighthouse on ${name}`
    bed.provider.answer(prompt, ...answers)
    const { data, errors } = await generate(bed.gateway, { prompt, ...more, model: `${name}/gpt-image-2` })
    expect(errors).toBeUndefined()
    const startedAt = performance.now()
    const operation = await ended(bed.gateway, data.generateImage.id)
    const asked = bed.provider.calls.filter((call) => call.prompt === prompt)
    return {
      operation,
      ms: performance.now() - startedAt,
      asked: asked.length,
      paid: bed.provider.paidFor(prompt),
    }
  }
  return { run, take }
}

/** Whether the provider did the work is not known, so nobody is told that it did. */
export const expectUnknown = (operation: OperationAnswer) =>
  expect(operation).toMatchObject({
    status: 'FAILED',
    response: null,
    error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
  })
