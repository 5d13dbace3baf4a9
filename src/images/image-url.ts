import { createHmac, timingSafeEqual } from 'node:crypto'
import { EaselError } from '../errors.ts'
import { roundWidth, variantWidths } from './variant-widths.ts'

export type VariantFormat = 'png' | 'jpeg' | 'webp'

/** Another width or format of the image than the kept one. */
export interface ImageVariant {
  /** Rounded up to one in which copies are made. */
  readonly width?: number | undefined
  readonly format?: VariantFormat | undefined
}

export interface SigningKey {
  /** 1 to 32 characters of A-Z a-z 0-9 _ and -. */
  readonly id: string
  readonly secret: string | Uint8Array
}

export interface UrlOptions {
  readonly variant?: ImageVariant | undefined
  readonly expiresInSeconds?: number | undefined
}

export interface VerifiedUrl {
  readonly variant: ImageVariant
  readonly expiresAt: Date
}

export interface ImageUrls {
  sign(imageId: string, options?: UrlOptions): string
  /** Null where the address was not signed by one of these keys, was changed, or has expired. */
  verify(imageId: string, query: string): VerifiedUrl | null
}

export interface ImageUrlOptions {
  readonly publicUrl: string
  /** The first signs; all verify, so keys can be replaced while their addresses are still in use. */
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]]
  readonly defaultSeconds: number
  readonly maxSeconds: number
  readonly now: () => Date
}

/** Within five minutes the same image gets the same address, so browsers find it in their cache. */
const bucketSeconds = 300

/**
 * The one way to write a query: these parameters in this order, each at most once, numbers without leading zeros. The
 * signature covers the text itself, so nothing has to be normalised before it is compared.
 */
const canonicalQuery =
  /^(?<signed>(?:w=(?<width>[1-9]\d{1,3})&)?(?:f=(?<format>png|jpeg|webp)&)?e=(?<expiry>[1-9]\d{8,10})&k=(?<keyId>[\w-]{1,32}))&s=(?<signature>[\w-]{43})$/

export function createImageUrls(options: ImageUrlOptions): ImageUrls {
  const { publicUrl, signingKeys, maxSeconds, now } = options
  const [signer] = signingKeys
  for (const { id } of signingKeys) {
    if (!/^[\w-]{1,32}$/.test(id))
      throw new TypeError('a signing key needs an id of 1 to 32 letters, digits, _ or -')
  }
  const nowSeconds = () => Math.floor(now().getTime() / 1000)
  return {
    sign(imageId, { variant = {}, expiresInSeconds = options.defaultSeconds } = {}) {
      checkLifetime(expiresInSeconds, maxSeconds)
      checkWidth(variant.width)
      const expiry = Math.ceil((nowSeconds() + expiresInSeconds) / bucketSeconds) * bucketSeconds
      const signed = [
        ...(variant.width === undefined ? [] : [`w=${roundWidth(variant.width)}`]),
        ...(variant.format === undefined ? [] : [`f=${variant.format}`]),
        `e=${expiry}`,
        `k=${signer.id}`,
      ].join('&')
      return `${publicUrl.replace(/\/+$/, '')}/images/${imageId}?${signed}&s=${signatureOf(signer, imageId, signed)}`
    },
    verify(imageId, query) {
      const parts = canonicalQuery.exec(query)?.groups
      const key = signingKeys.find(({ id }) => id === parts?.keyId)
      if (!parts || !key) return null
      if (!isEqual(signatureOf(key, imageId, parts.signed ?? ''), parts.signature ?? '')) return null
      const expiry = Number(parts.expiry)
      if (expiry <= nowSeconds() || expiry > nowSeconds() + maxSeconds + bucketSeconds) return null
      // Addresses of before widths were rounded may name any.
      const width = parts.width === undefined ? undefined : roundWidth(Number(parts.width))
      return {
        variant: { width, format: parts.format as VariantFormat | undefined },
        expiresAt: new Date(expiry * 1000),
      }
    },
  }
}

function signatureOf({ secret }: SigningKey, imageId: string, signed: string): string {
  return createHmac('sha256', secret).update(`easel image 1\n${imageId}\n${signed}`).digest('base64url')
}

/** Compares the text, not the bytes it stands for: base64url has four spellings of the last character. */
function isEqual(expected: string, actual: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(actual)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function checkLifetime(seconds: number, max: number): void {
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= max) return
  throw new EaselError('BAD_USER_INPUT', `An image address lives for 1 to ${max} seconds.`, {
    reason: 'URL_LIFETIME_OUT_OF_RANGE',
    allowed: { min: 1, max },
    actual: seconds,
  })
}

function checkWidth(width: number | undefined): void {
  const { min, max } = variantWidths
  if (width === undefined || (Number.isInteger(width) && width >= min && width <= max)) return
  throw new EaselError('BAD_USER_INPUT', `An image can be shown ${min} to ${max} pixels wide.`, {
    reason: 'WIDTH_OUT_OF_RANGE',
    allowed: { min, max },
    actual: width,
  })
}
