import type { ImageModel } from '../catalogue/image-model.ts'
import { isRetired } from '../catalogue/retirement.ts'

interface Told {
  provider: string
  models: readonly ImageModel[]
  /** The configuration names the models, so one that is refused is a mistake of it. */
  areChosen: boolean
  now: Date
  log: { warn(fields: object, message: string): void }
}

/** One line for the models of a provider that end, or have ended. */
export function logRetirements({ provider, models, areChosen, now, log }: Told): void {
  const ends = models
    .filter((model) => areChosen || !isRetired(model, now))
    .flatMap(({ name, retirement }) => (retirement ? [{ model: name, ...retirement }] : []))
  if (ends.length > 0)
    log.warn(
      { provider, ends },
      'models of the provider end: the enforced ones are refused from their date on',
    )
}
