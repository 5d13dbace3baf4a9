import { EaselError } from '../../errors.ts'
import type { ArrivingImage, Images, StagedImage, StageOptions } from '../../images/images.ts'
import type { ImageSink, OpenSink } from '../../providers/reply.ts'
import type { SpoolWriter } from '../keep/spool.ts'
import type { SpooledImage } from '../keep/spooled-image.ts'

/**
 * One image of a reply as it was received: on disk and looked at; not an image that Easel can serve; or lost to a
 * fault of Easel's own, such as a full disk, in which case the spooled reply still has it.
 */
export type ReceivedImage = { staged: StagedImage } | { refused: EaselError } | { lost: unknown }

export interface ImageIntake {
  images: Pick<Images, 'receive' | 'stageFile'>
  maxImageBytes: number
}

/**
 * Sinks that stage images. They never throw, so a bad image does not end a reply that brings more images. An image in a
 * reply that is spooled now is written into the spool alone.
 */
export function createImageSinks(
  { images, maxImageBytes }: ImageIntake,
  signal: AbortSignal,
  spool: Pick<SpoolWriter, 'openImage'> | null,
): OpenSink<ReceivedImage> {
  const options = { maxBytes: maxImageBytes, isResult: true, signal }
  const openSpooled = () => {
    const file = spool?.openImage()
    return file ? { number: file.number, image: createSpooledArrival(file, images, options) } : null
  }
  return () => new Sink(images.receive(options), openSpooled)
}

/** The spool keeps the bytes whatever the image is, so they are neither counted nor dropped here. */
function createSpooledArrival(
  file: SpooledImage,
  images: Pick<Images, 'stageFile'>,
  options: StageOptions,
): ArrivingImage {
  return {
    write: (chunk) => file.write(chunk),
    end: async () => images.stageFile(await file.end(), options),
    discard: async () => {},
  }
}

type OpenSpooled = () => { number: number; image: ArrivingImage } | null

class Sink implements ImageSink<ReceivedImage> {
  readonly #openSpooled: OpenSpooled
  #image: ArrivingImage
  /** Set once the image cannot be taken. The rest of its bytes is then discarded. */
  #failed: ReceivedImage | null = null

  constructor(image: ArrivingImage, openSpooled: OpenSpooled) {
    this.#image = image
    this.#openSpooled = openSpooled
  }

  keepInSpool(): number | null {
    const spooled = this.#openSpooled()
    if (!spooled) return null
    this.#image = spooled.image
    return spooled.number
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
