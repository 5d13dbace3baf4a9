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

/** Sinks that stage images. They never fail: one image must not end the reply that others are still to come in. */
export function createImageSinks(
  { images, maxImageBytes }: ImageIntake,
  signal: AbortSignal,
): OpenSink<ReceivedImage> {
  return () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const staged = images.stage(readable, { maxBytes: maxImageBytes, signal }).then(
      (image): ReceivedImage => ({ staged: image }),
      (error: unknown): ReceivedImage => (isRefusal(error) ? { refused: error } : { lost: error }),
    )
    // Staging that ends before it reads, as when it is cancelled just then, would leave its writer waiting for ever.
    void staged.then(() => readable.cancel()).catch(() => {})
    return createSink(writable.getWriter(), staged)
  }
}

/** What the provider sent is its fault and becomes this image's failure; no room or no time to look at it is not. */
function isRefusal(error: unknown): error is EaselError {
  return error instanceof EaselError && ['BAD_USER_INPUT', 'PAYLOAD_TOO_LARGE'].includes(error.code)
}

function createSink(
  bytes: WritableStreamDefaultWriter<Uint8Array>,
  staged: Promise<ReceivedImage>,
): ImageSink<ReceivedImage> {
  // Once the staging has refused an image nobody reads on: what else comes of it goes nowhere.
  const ignore = () => {}
  bytes.closed.catch(ignore)
  return {
    write: (chunk) => bytes.write(chunk).catch(ignore),
    end: async () => {
      await bytes.close().catch(ignore)
      return staged
    },
    abort: async (reason) => {
      await bytes.abort(reason).catch(ignore)
      await discardImage(await staged)
    },
  }
}

export async function discardImage(image: ReceivedImage): Promise<void> {
  if ('staged' in image) await image.staged.discard()
}
