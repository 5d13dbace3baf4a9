import { EaselError } from '../errors.ts'

/** The end of a model, as somebody told it. */
export interface Retirement {
  /** The first day without the model, `YYYY-MM-DD`. */
  date: string
  replacement: string | null
  /** Others may be wrong, so their dates only warn. */
  toldBy: 'PROVIDER' | 'OTHERS'
  /** Where the date was read. */
  source: string
}

/** The same for a model at one address. */
export interface ModelRetirement extends Retirement {
  /** The model is refused from the date on. Otherwise the date is a warning. */
  enforced: boolean
}

interface RetiringModel {
  name: string
  retirement: ModelRetirement | null
}

interface Addresses {
  /** Null: the preset has none of its own. */
  own: string | null
  configured: string | undefined
}

/** A provider tells what ends at its own address: gpt-image-1-mini lives four months longer at Azure than at OpenAI. */
export function retireAt(
  retirement: Retirement | null | undefined,
  { own, configured }: Addresses,
): ModelRetirement | null {
  if (!retirement) return null
  const isOwn = configured === undefined || (own !== null && hostOf(configured) === hostOf(own))
  return { ...retirement, enforced: isOwn && retirement.toldBy === 'PROVIDER' }
}

function hostOf(address: string): string | null {
  return URL.parse(address)?.host ?? null
}

export function isRetired({ retirement }: Pick<RetiringModel, 'retirement'>, now: Date): boolean {
  if (!retirement?.enforced) return false
  return now.toISOString().slice(0, 10) >= retirement.date
}

export function refuseRetiredModel(
  { name, retirement }: RetiringModel,
  models: readonly { id: string; name: string }[],
): EaselError {
  const replacement = retirement?.replacement ?? null
  const advice = replacement ? ` Use ${replacement}.` : ''
  return new EaselError('BAD_USER_INPUT', `${name} was retired on ${retirement?.date}.${advice}`, {
    field: 'input.model',
    reason: 'MODEL_RETIRED',
    allowed: replacement ? models.filter(({ name }) => name === replacement).map(({ id }) => id) : [],
    actual: name,
    ...(replacement && { replacement }),
  })
}
