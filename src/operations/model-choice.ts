import type { Operation } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import type { ImageModel } from '../providers/image-model.ts'
import type { Providers } from '../providers/providers.ts'
import type { OperationInput } from './operation-input.ts'
import type { ProviderPace } from './provider-pace.ts'

/** The models that may carry an operation out; none where the configuration has changed since it was accepted. */
export function findCandidates(providers: Providers, { kind, input }: Operation): ImageModel[] {
  try {
    return providers.candidates(kind, (input as unknown as OperationInput).model)
  } catch (error) {
    if (error instanceof EaselError) return []
    throw error
  }
}

/** Each failed attempt moves on to the next provider; one that asked to be left alone is passed over if it can be. */
export function chooseModel(
  models: readonly ImageModel[],
  { settled, pace }: { settled: number; pace: ProviderPace },
): ImageModel | undefined {
  const first = settled % models.length
  const inOrder = [...models.slice(first), ...models.slice(0, first)]
  return inOrder.find(({ provider }) => pace.heldMs(provider) === 0) ?? inOrder[0]
}
