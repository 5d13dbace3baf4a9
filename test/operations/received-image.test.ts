import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGate } from '../../src/images/gate.ts'
import type { Images } from '../../src/images/images.ts'
import { receiveImage, stageFile } from '../../src/images/staging.ts'
import { createImageSinks } from '../../src/operations/call/received-image.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-received-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A sink over a real staging in that folder. */
function openSink(staging: string, signal: AbortSignal) {
  const limits = { maxPixels: 1_000_000, maxEdge: 4_096 }
  const options = {
    folder: staging,
    limits,
    gate: createGate({ slots: 1, maxWaiting: 1 }),
    newId: randomUUID,
  }
  const images: Pick<Images, 'receive' | 'stageFile'> = {
    receive: (given) => receiveImage(options, given),
    stageFile: (file, given) => stageFile(options, file, given),
  }
  const open = createImageSinks({ images, maxImageBytes: 1_000_000 }, signal, null)
  return open({ index: 0, partial: false })
}

describe('an image that is being received', () => {
  test('does not hold up its reply when it is cancelled before its first byte is read', async () => {
    const cancel = new AbortController()
    const sink = openSink(folder, cancel.signal)
    cancel.abort(new Error('Somebody asked to cancel'))
    await sink.write(Buffer.from('the beginning of an image'))
    await sink.write(Buffer.from('and more of it'))
    expect(await sink.end()).toEqual({ lost: cancel.signal.reason })
    expect(await readdir(folder)).toEqual([])
  })

  test('does not hold up its reply when there is no place for it', async () => {
    const place = join(folder, 'staging')
    await writeFile(place, 'not a folder')
    const sink = openSink(place, new AbortController().signal)
    await sink.write(Buffer.from('the beginning of an image'))
    await sink.write(Buffer.from('and more of it'))
    expect(await sink.end()).toEqual({ lost: expect.any(Error) })
  })
})
