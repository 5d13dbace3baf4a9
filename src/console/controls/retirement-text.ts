import type { ModelFormFragment } from '../generated/graphql.ts'

/** A date that the provider did not tell, or that holds elsewhere, is hearsay. */
export function describeRetirement({
  date,
  replacement,
  enforced,
  retired,
}: NonNullable<ModelFormFragment['retirement']>): string {
  const words = retired ? 'Retired on' : enforced ? 'Retires on' : 'Said to end on'
  return `${words} ${date}${replacement ? `, use ${replacement}` : ''}`
}
