import { expect, test } from 'vitest'
import type { ImageModel } from '../../src/catalogue/image-model.ts'
import { chooseModel } from '../../src/operations/accept/model-choice.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'

const names = ['one', 'two', 'three']
const pauseMs = 30_000

function openThree() {
  const configured = names.map((name) => ({ name, preset: 'openai' as const, apiKey: 'k' }))
  const providers = openProviders(configured, { limits: { breaker: { maxFailures: 1, pauseMs } } })
  const models = names.map((name) => providers.find(`${name}/gpt-image-2`) as ImageModel)
  const doubts = new Map<string, number>()
  const doubtMs = ({ provider }: Pick<ImageModel, 'provider'>) => doubts.get(provider) ?? 0
  const choose = (settled: number) =>
    chooseModel({ health: providers.health, doubtMs }, models, settled)?.provider
  const fail = (name: string, failure: ProviderFailure) => {
    using passage = providers.health(name).accompany()
    passage.failed(failure)
  }
  return {
    choose,
    doubt: (name: string, ms: number) => doubts.set(name, ms),
    tellToWait: (name: string, retryAfterMs: number) =>
      fail(name, new ProviderFailure({ certainty: 'REFUSED', reason: 'RATE_LIMITED', retryAfterMs })),
    fallDown: (name: string) =>
      fail(name, new ProviderFailure({ certainty: 'UNSENT', reason: 'UPSTREAM_UNAVAILABLE' })),
    close: () => providers.close(),
  }
}

test('each failed attempt moves on to the next provider, and begins again after the last', async () => {
  const { choose, close } = openThree()
  expect([0, 1, 2, 3].map(choose)).toEqual(['one', 'two', 'three', 'one'])
  await close()
})

test('a provider that asked to be left alone, or keeps failing, is passed over', async () => {
  const { choose, tellToWait, fallDown, close } = openThree()
  tellToWait('one', 5_000)
  expect([0, 1, 2].map(choose)).toEqual(['two', 'two', 'three'])
  fallDown('two')
  expect([0, 1, 2].map(choose)).toEqual(['three', 'three', 'three'])
  await close()
})

test('where none may be called, the one that may be called first is waited for', async () => {
  const { choose, tellToWait, fallDown, close } = openThree()
  fallDown('one')
  tellToWait('two', pauseMs / 2)
  tellToWait('three', 2 * pauseMs)
  expect([0, 1, 2].map(choose)).toEqual(['two', 'two', 'two'])
  await close()
})

test('a provider with a fault of its own is passed over, and asked again when others were asked first for a while', async () => {
  const { choose, doubt, close } = openThree()
  doubt('one', 5_000)
  expect([0, 1, 2].map(choose)).toEqual(['two', 'two', 'three'])
  doubt('one', 0)
  expect([0, 1, 2].map(choose)).toEqual(['one', 'two', 'three'])
  await close()
})

test('where all have a fault, the one that has not been asked for longest is next', async () => {
  const { choose, doubt, close } = openThree()
  for (const [index, name] of ['two', 'three', 'one'].entries()) doubt(name, 1_000 + index)
  expect([0, 1, 2].map(choose)).toEqual(['two', 'two', 'two'])
  await close()
})

test('a provider that is paused is waited for sooner than one with a fault is asked again', async () => {
  const { choose, doubt, tellToWait, close } = openThree()
  doubt('one', 5_000)
  doubt('three', 5_000)
  tellToWait('two', 10_000)
  expect(choose(0)).toBe('two')
  await close()
})
