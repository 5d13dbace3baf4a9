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

/** Sinks that stage images. They never throw, so a bad image does not end a reply that brings more images. */
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
    // Staging may end before it reads, for example by a cancel; its writer would then wait for ever.
    void staged.then(() => readable.cancel()).catch(() => {})
    return createSink(writable.getWriter(), staged)
  }
}

/** Bad bytes are the provider's fault and fail this image. A full disk or a timeout is Easel's own and does not. */
function isRefusal(error: unknown): error is EaselError {
  return error instanceof EaselError && ['BAD_USER_INPUT', 'PAYLOAD_TOO_LARGE'].includes(error.code)
}

function createSink(
  bytes: WritableStreamDefaultWriter<Uint8Array>,
  staged: Promise<ReceivedImage>,
): ImageSink<ReceivedImage> {
  // After the staging has refused an image, the rest of its bytes is discarded.
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
