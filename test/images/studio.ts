import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, expect } from 'vitest'
import { EaselError, type ErrorDetails } from '../../src/errors.ts'
import { createGate } from '../../src/images/gate.ts'
import { restrictSharp } from '../../src/images/pixels.ts'
import { type StagedImage, type StageOptions, stageImage } from '../../src/images/staging.ts'
import type { ByteSource } from '../../src/images/upload.ts'
import type { ErrorCode } from '../../src/reasons/error-codes.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'

export const testLimits = defaultLimits.images

/** A staging folder of its own that must be empty when a test ends. */
export function createStudio() {
  restrictSharp()
  const root = mkdtempSync(join(tmpdir(), 'easel-images-'))
  const folder = join(root, 'staging')
  const gate = createGate({ slots: 2, maxWaiting: 100 })
  const staged: StagedImage[] = []
  const stageSource = async (source: ByteSource, options: Partial<StageOptions> = {}) => {
    const staging = { folder, limits: testLimits, gate, newId: randomUUID }
    const image = await stageImage(staging, source, { maxBytes: 10_000_000, ...options })
    staged.push(image)
    return image
  }
  const files = () =>
    readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  afterEach(async () => {
    for (const image of staged.splice(0)) await image.discard()
    expect(readdirSync(root).includes('staging') ? readdirSync(folder) : []).toEqual([])
  })
  return {
    root,
    folder,
    gate,
    files,
    stageSource,
    stage: (bytes: Buffer, options?: Partial<StageOptions>) =>
      stageSource(Readable.from(slices(bytes)), options),
    bytesOf: (image: StagedImage) => readFile(image.path),
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000)
}

/** The error a promise ends with, which has to be one for the caller. */
export async function refusalOf(
  promise: Promise<unknown>,
): Promise<{ code: ErrorCode; message: string } & ErrorDetails> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof EaselError)) throw new Error('expected an EaselError', { cause: error })
  return { code: error.code, message: error.message, ...error.details }
}
