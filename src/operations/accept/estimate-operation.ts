import type { Estimate } from '../../catalogue/estimate.ts'
import { estimateRequest } from '../../catalogue/estimate-request.ts'
import { toRequestParameters } from '../../catalogue/request-parameters.ts'
import type { Dimensions } from '../../catalogue/wire-size.ts'
import type { Providers } from '../../providers/providers.ts'
import { type AskedWork, acceptingModels, toDraft } from './model-choice.ts'

/** An operation that a caller plans: it has no images yet, and maybe no prompt. */
export interface PlannedWork extends AskedWork {
  images: readonly Dimensions[]
  /** The models to which the caller's key is limited; empty: to none. */
  allowedModels?: readonly string[]
}

/** What an operation would cost. Refuses the parameters that the mutation would refuse. */
export function estimateOperation(
  { providers, now }: { providers: Providers; now: () => Date },
  planned: PlannedWork,
): Estimate {
  const { kind, input, images, allowedModels } = planned
  const { prompt, ...parameters } = toDraft(planned, null)
  // An estimate without a prompt counts the picture alone. The mutation refuses a missing prompt.
  const draft = { ...parameters, ...(prompt !== null && { prompt }), waits: false }
  const models = acceptingModels(providers, { asked: input.model, draft, allowed: allowedModels })
  return estimateRequest(models, { ...toRequestParameters(kind, input), images, mask: null }, now())
}
