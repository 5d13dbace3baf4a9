import { EaselError } from '../../errors.ts'
import type { ArrivingImage, Images, StagedImage } from '../../images/images.ts'
import type { ImageSink, OpenSink } from '../../providers/reply.ts'

/**
 * One image of a reply as it was received: on disk and looked at; not an image that Easel can serve; or lost to a
 * fault of Easel's own, such as a full disk, in which case the spooled reply still has it.
 */
export type ReceivedImage = { staged: StagedImage } | { refused: EaselError } | { lost: unknown }

export interface ImageIntake {
  images: Pick<Images, 'receive'>
  maxImageBytes: number
}

/** Sinks that stage images. They never throw, so a bad image does not end a reply that brings more images. */
export function createImageSinks(
  { images, maxImageBytes }: ImageIntake,
  signal: AbortSignal,
): OpenSink<ReceivedImage> {
  return () => new Sink(images.receive({ maxBytes: maxImageBytes, isResult: true, signal }))
}

class Sink implements ImageSink<ReceivedImage> {
  readonly #image: ArrivingImage
  /** Set once the image cannot be taken. The rest of its bytes is then discarded. */
  #failed: ReceivedImage | null = null

  constructor(image: ArrivingImage) {
    this.#image = image
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failed) return
    try {
      await this.#image.write(chunk)
    } catch (error) {
      await this.#fail(error)
    }
  }

  async end(): Promise<ReceivedImage> {
    if (this.#failed) return this.#failed
    try {
      return { staged: await this.#image.end() }
    } catch (error) {
      return this.#fail(error)
    }
  }

  abort(): Promise<void> {
    return this.#image.discard()
  }

  async #fail(error: unknown): Promise<ReceivedImage> {
    this.#failed = isRefusal(error) ? { refused: error } : { lost: error }
    // What cannot be deleted now is swept later.
    await this.#image.discard().catch(() => {})
    return this.#failed
  }
}

/** Bad bytes are the provider's fault and fail this image. A full disk or a timeout is Easel's own and does not. */
function isRefusal(error: unknown): error is EaselError {
  return error instanceof EaselError && ['BAD_USER_INPUT', 'PAYLOAD_TOO_LARGE'].includes(error.code)
}

export async function discardImage(image: ReceivedImage): Promise<void> {
  if ('staged' in image) await image.staged.discard()
}
