import type { ImageModel } from '../../catalogue/image-model.ts'
import type { RequestDraft } from '../../catalogue/image-request.ts'
import { isAllowed } from '../../catalogue/model-registry.ts'
import { type OperationInput, readInput } from '../../catalogue/operation-input.ts'
import type { OperationKind } from '../../catalogue/operation-kind.ts'
import { toRequestParameters } from '../../catalogue/request-parameters.ts'
import type { MaskFacts, SourceFacts } from '../../catalogue/source-facts.ts'
import type { Operation } from '../../database/generated/client.ts'
import { EaselError } from '../../errors.ts'
import type { Providers } from '../../providers/providers.ts'

export interface AskedWork {
  kind: OperationKind
  input: OperationInput
}

export interface DraftSources {
  images: readonly SourceFacts[]
  mask: MaskFacts | null
}

export interface ModelQuestion {
  /** As the caller names it; null: the default of the kind. */
  asked: string | null
  draft: RequestDraft
  /** The models to which the caller's key is limited; empty: to none. */
  allowed?: readonly string[] | undefined
}

/** The models that accept the request, in the order to try. When none does, it throws the error of the first one. */
export function acceptingModels(
  providers: Providers,
  { asked, draft, allowed = [] }: ModelQuestion,
): [ImageModel, ...ImageModel[]] {
  const candidates = allowedOf(providers.candidates(draft.kind, asked), allowed)
  let refusal: unknown
  const accepting = candidates.filter((model) => {
    try {
      providers.validate(model, draft)
      return true
    } catch (error) {
      refusal ??= error
      return false
    }
  })
  const [first, ...others] = accepting
  if (!first) throw refusal
  return [first, ...others]
}

function allowedOf(models: ImageModel[], allowed: readonly string[]): ImageModel[] {
  const open = models.filter((model) => isAllowed(model, allowed))
  if (open.length > 0 || models.length === 0) return open
  throw new EaselError('FORBIDDEN', 'The key that you use may not use this model.', {
    reason: 'MODEL_NOT_ALLOWED',
    field: 'input.model',
    allowed,
    actual: models[0]?.id,
  })
}

/** What the judge is asked. Before the files have arrived (`sources` is null) only the parameters are known. */
export function toDraft({ kind, input }: AskedWork, sources: DraftSources | null): RequestDraft {
  return {
    ...toRequestParameters(kind, input),
    waits: kind === 'EDIT' && !input.stream,
    ...(sources && { images: sources.images, mask: sources.mask }),
  }
}

/**
 * The models that may carry an operation out: those of its kind that accept its request, since its reservation covers
 * only these. The list is empty where the configuration has changed since the operation was accepted.
 */
export function findCandidates(
  providers: Providers,
  {
    kind,
    input: kept,
    allowedModels: allowed,
  }: Pick<Operation, 'kind' | 'input'> & { allowedModels: readonly string[] },
  sources: DraftSources,
): ImageModel[] {
  const input = readInput(kept)
  try {
    return acceptingModels(providers, {
      asked: input.model,
      draft: toDraft({ kind, input }, sources),
      allowed,
    })
  } catch (error) {
    if (error instanceof EaselError) return []
    throw error
  }
}

/**
 * Each failed attempt moves on to the next provider. A provider that may not be called now, or that refused for its key,
 * its credit or the model, is passed over. If that holds for all, the one is chosen for which it ends first.
 */
export function chooseModel(
  providers: Pick<Providers, 'health' | 'doubtMs'>,
  models: readonly ImageModel[],
  settled: number,
): ImageModel | undefined {
  const first = settled % models.length
  const inOrder = [...models.slice(first), ...models.slice(0, first)]
  const holdMs = ({ provider }: ImageModel) => providers.health(provider).hold()?.ms ?? 0
  const doubtMs = (model: ImageModel) => providers.doubtMs(model)
  return inOrder.toSorted((one, other) => doubtMs(one) - doubtMs(other) || holdMs(one) - holdMs(other))[0]
}
