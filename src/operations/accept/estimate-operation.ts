import type { Estimate } from '../../catalogue/estimate.ts'
import { estimateRequest } from '../../catalogue/estimate-request.ts'
import { toRequestParameters } from '../../catalogue/request-parameters.ts'
import type { Dimensions } from '../../catalogue/wire-size.ts'
import type { Providers } from '../../providers/providers.ts'
import { type AskedWork, acceptingModels, toDraft } from './model-choice.ts'

/** An operation that a caller thinks of: its images are not there, and its prompt need not be. */
export interface PlannedWork extends AskedWork {
  images: readonly Dimensions[]
}

/** What an operation would take. Refuses what the mutation would refuse by its parameters. */
export function estimateOperation(
  { providers, now }: { providers: Providers; now: () => Date },
  planned: PlannedWork,
): Estimate {
  const { kind, input, images } = planned
  const { prompt, ...parameters } = toDraft(planned, null)
  // Without a prompt one asks what the picture would take; the mutation will want the prompt.
  const draft = { ...parameters, ...(prompt !== null && { prompt }), waits: false }
  const models = acceptingModels(providers, input.model, draft)
  return estimateRequest(models, { ...toRequestParameters(kind, input), images, mask: null }, now())
}
