import type { Readable } from 'node:stream'
import { EaselError } from '../errors.ts'
import type { ResultFacts } from './result-layout.ts'

export interface StoredObject {
  readonly key: string
  readonly modifiedAt: Date
}

/** Where the bytes of images live, under keys `<operationId>/<sha256>.<extension>`. */
export interface Storage {
  /** Afterwards the object is durable, whole and readable; before that nothing of it can be seen. */
  put(
    key: string,
    file: string,
    options: { contentType: string; byteSize: number; signal?: AbortSignal | undefined },
  ): Promise<void>
  /** `end` is inclusive. A missing object is an error NOT_FOUND. */
  open(
    key: string,
    options?: { start?: number; end?: number; signal?: AbortSignal | undefined },
  ): Promise<Readable>
  /** Null where there is no such object. */
  size(key: string): Promise<number | null>
  delete(key: string): Promise<void>
  /** Uses as few requests as the storage allows. A missing object is no error. */
  deleteMany(keys: readonly string[], signal?: AbortSignal): Promise<void>
  deletePrefix(prefix: string): Promise<void>
  list(prefix: string, signal?: AbortSignal): AsyncIterable<StoredObject>
  /** Every object there is, in the order of the keys, in pages. `after`: only the keys behind this one. */
  pages(options?: {
    after?: string | null
    signal?: AbortSignal | undefined
  }): AsyncIterable<readonly StoredObject[]>
  /** The text of a small object; null where there is no such object. */
  readText(key: string, signal?: AbortSignal): Promise<string | null>
  /** With `ifAbsent` an existing object stays as it is, and the result is false. */
  writeText(
    key: string,
    text: string,
    options?: { ifAbsent?: boolean; signal?: AbortSignal | undefined },
  ): Promise<boolean>
}

const extensions: Record<ResultFacts['mimeType'], string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/apng': 'png',
  'image/avif': 'avif',
  'image/bmp': 'bmp',
  'image/gif': 'gif',
  'image/heic': 'heic',
  'image/jp2': 'jp2',
  'image/jxl': 'jxl',
  'image/x-png': 'png',
  'image/svg+xml': 'svg',
  'image/tiff': 'tiff',
}

export const knownExtensions: readonly string[] = [...new Set(Object.values(extensions)), 'bin']

export function extensionOf(mimeType: string): string {
  return extensions[mimeType as ResultFacts['mimeType']] ?? 'bin'
}

/** The same image of the same operation has the same key, so doing it twice after a crash leaves one object. */
export function storageKey(operationId: string, image: { sha256: string; mimeType: string }): string {
  if (!/^[\w-]+$/.test(operationId)) throw new TypeError('an operation id cannot be a folder name')
  return `${operationId}/${image.sha256}.${extensionOf(image.mimeType)}`
}

export function objectMissing(cause?: unknown): EaselError {
  return new EaselError('NOT_FOUND', 'The image is gone.', { reason: 'IMAGE_GONE' }, { cause })
}
