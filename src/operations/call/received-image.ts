import { PassThrough } from 'node:stream'
import { EaselError } from '../../errors.ts'
import type { Images, StagedImage } from '../../images/images.ts'
import type { ImageSink, OpenSink } from '../../providers/reply.ts'

/**
 * One image of a reply as it was received: on disk and looked at; not an image that Easel can serve; or lost to a
 * fault of Easel's own, such as a full disk, in which case the spooled reply still has it.
 */
export type ReceivedImage = { staged: StagedImage } | { refused: EaselError } | { lost: unknown }

export interface ImageIntake {
  images: Pick<Images, 'stage'>
  maxImageBytes: number
}

/** How much of an image may wait to be written to disk. */
const maxWaitingBytes = 256 * 1024

/** Sinks that stage images. They never throw, so a bad image does not end a reply that brings more images. */
export function createImageSinks(
  { images, maxImageBytes }: ImageIntake,
  signal: AbortSignal,
): OpenSink<ReceivedImage> {
  return () => {
    const bytes = new PassThrough({ highWaterMark: maxWaitingBytes })
    // The staging hears of an error; nobody else does.
    bytes.on('error', () => {})
    const staged = images.stage(bytes, { maxBytes: maxImageBytes, signal }).then(
      (image): ReceivedImage => ({ staged: image }),
      (error: unknown): ReceivedImage => (isRefusal(error) ? { refused: error } : { lost: error }),
    )
    // Staging may end before it reads, for example by a cancel; its writer would then wait for ever.
    void staged.then(() => bytes.destroy())
    return createSink(bytes, staged)
  }
}

/** Bad bytes are the provider's fault and fail this image. A full disk or a timeout is Easel's own and does not. */
function isRefusal(error: unknown): error is EaselError {
  return error instanceof EaselError && ['BAD_USER_INPUT', 'PAYLOAD_TOO_LARGE'].includes(error.code)
}

function createSink(bytes: PassThrough, staged: Promise<ReceivedImage>): ImageSink<ReceivedImage> {
  return {
    // After the staging has refused an image, the rest of its bytes is discarded.
    write: (chunk) => new Promise((resolve) => bytes.write(chunk, () => resolve())),
    end: async () => {
      bytes.end()
      return staged
    },
    abort: async (reason) => {
      bytes.destroy(reason instanceof Error ? reason : new Error(String(reason)))
      await discardImage(await staged)
    },
  }
}

export async function discardImage(image: ReceivedImage): Promise<void> {
  if ('staged' in image) await image.staged.discard()
}
