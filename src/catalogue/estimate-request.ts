import { type Estimate, estimate } from './estimate.ts'
import type { ImageModel } from './image-model.ts'
import type { EstimateFacts } from './pricing.ts'
import type { RequestParameters } from './request-parameters.ts'
import type { Dimensions } from './wire-size.ts'

/** The parts of a request that affect its price; of its images only the sizes. */
export interface PricedRequest extends RequestParameters {
  images: readonly Dimensions[]
  mask: Dimensions | null
}

/**
 * What a request uses if any of the models carries it out: from the least of the cheapest to the most of the dearest. The
 * estimate that a caller sees and the reservation of the operation both come from here.
 */
export function estimateRequest(
  models: readonly Pick<ImageModel, 'pricing'>[],
  request: PricedRequest,
  at: Date,
): Estimate {
  return joinEstimates(estimateEach(models, request, at))
}

/** What a request uses on each of the models, in their order. */
export function estimateEach(
  models: readonly Pick<ImageModel, 'pricing'>[],
  request: PricedRequest,
  at: Date,
): Estimate[] {
  const facts = estimateFacts(request)
  return models.map(({ pricing }) => estimate(pricing, facts, at))
}

export function joinEstimates(all: readonly Estimate[]): Estimate {
  const tokens = rangeOf(all.map((each) => each.tokens))
  const cost = joinCosts(all.flatMap((each) => each.cost ?? []))
  const certainties = new Set(all.map(({ certainty }) => certainty))
  const isExact = !certainties.has('RANGE') && tokens.min === tokens.max && cost?.min === cost?.max
  return {
    certainty: certainties.has('UNKNOWN') ? 'UNKNOWN' : isExact ? 'EXACT' : 'RANGE',
    tokens,
    cost,
    reasons: [...new Set(all.flatMap(({ reasons }) => reasons))],
  }
}

/** The facts of a request for its estimate. */
export function estimateFacts(request: PricedRequest): EstimateFacts {
  const prompt = request.prompt ?? request.messages?.map(({ text }) => text).join('\n') ?? ''
  return {
    kind: request.kind,
    promptBytes: Buffer.byteLength(prompt),
    n: request.n,
    size: request.size,
    quality: request.quality,
    partialImages: request.partialImages,
    inputFidelity: request.inputFidelity,
    inputImages: request.images.map(dimensionsOf),
    mask: request.mask && dimensionsOf(request.mask),
  }
}

function dimensionsOf({ width, height }: Dimensions): Dimensions {
  return { width, height }
}

/** In the currency of the first one, which is asked first: amounts of two currencies cannot be compared. */
function joinCosts(costs: NonNullable<Estimate['cost']>[]): Estimate['cost'] {
  const [first] = costs
  if (!first) return null
  const { currency } = first
  return { ...rangeOf(costs.filter((cost) => cost.currency === currency)), currency }
}

function rangeOf(ranges: { min: number; max: number }[]): { min: number; max: number } {
  return { min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) }
}
