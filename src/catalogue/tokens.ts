/** What tokens are spent on, */
export const tokenParts = [
  'inputTextTokens',
  'inputImageTokens',
  'outputTextTokens',
  'outputImageTokens',
] as const
/**
 * and all the counts of one use: first the sums, last those of the input that the provider had read before. The columns
 * of reports follow this order.
 */
export const tokenKeys = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  ...tokenParts,
  'cachedInputTokens',
] as const

export type TokenPart = (typeof tokenParts)[number]
export type TokenKey = (typeof tokenKeys)[number]

export type TokenParts<Value = number> = Record<TokenPart, Value>
/** A number for each count, as it is reported, foreseen, booked or added up. */
export type Tokens<Value = number> = Record<TokenKey, Value>

/** Makes the value of each count. */
export function fillTokens<Value>(make: (key: TokenKey) => Value): Tokens<Value> {
  return fill(tokenKeys, make)
}

/** The same for the parts alone. */
export function fillTokenParts<Value>(make: (key: TokenPart) => Value): TokenParts<Value> {
  return fill(tokenParts, make)
}

function fill<Key extends string, Value>(
  keys: readonly Key[],
  make: (key: Key) => Value,
): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<Key, Value>
}
