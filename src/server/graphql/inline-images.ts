import { randomUUID } from 'node:crypto'
import { EaselError } from '../../errors.ts'
import type { Base64Image } from '../../images/images.ts'
import type { InlineBudget } from './inline-budget.ts'

/** The images of one text by the marks that stand in it for them. */
export type MarkedImages = ReadonlyMap<string, Base64Image>

export const noImages: MarkedImages = new Map()

export interface InlineImagesOptions {
  /** Bytes of the files of one result. */
  maxBytes: number
  budget: Pick<InlineBudget, 'take' | 'give'>
  userId: string
  /** Whether a result waits as text until its stream is read, and so costs nothing that the budget is for. */
  isStreamed: () => boolean
}

/**
 * The images that results of one call give in base64. A mark stands in a result for each of them, and its text is made when
 * that mark's turn to be sent has come: a text of base64 is never held as a whole, and no JSON is printed of it.
 */
export class InlineImages {
  readonly #options: InlineImagesOptions
  #images = new Map<string, Base64Image>()
  #bytes = 0
  #held = 0
  #closed = false

  constructor(options: InlineImagesOptions) {
    this.#options = options
  }

  /** Counts the bytes first, so that nothing is looked for or read beyond a limit. Returns the mark. */
  async add(byteSize: number, find: () => Promise<Base64Image>): Promise<string> {
    this.#count(byteSize)
    const image = await find()
    // Nobody can guess it, so no text of a client is ever taken for one.
    const mark = `easel-image-${randomUUID()}`
    this.#images.set(mark, image)
    return mark
  }

  /** The images of the result that is ready. The next result begins with none. */
  take(): MarkedImages {
    const images = this.#images
    this.#images = new Map()
    this.#bytes = 0
    return images
  }

  /** Gives back what was held for an answer that is sent, or that nobody waits for. Of a stream further results may come. */
  close(): void {
    const { budget, userId, isStreamed } = this.#options
    if (this.#closed || isStreamed()) return
    this.#closed = true
    budget.give(userId, this.#held)
  }

  #count(byteSize: number): void {
    const { maxBytes, budget, userId, isStreamed } = this.#options
    // A field that failed ends the answer while its neighbours are still on their way.
    if (this.#closed) throw new Error('The answer is gone already')
    const bytes = this.#bytes + byteSize
    if (bytes > maxBytes) throw tooLong(maxBytes, bytes)
    if (!isStreamed()) {
      const wanted = Math.max(bytes, leastBytes)
      budget.take(userId, wanted - this.#held)
      this.#held = wanted
    }
    this.#bytes = bytes
  }
}

/** What an answer counts at least: it holds up to a megabyte while it is sent, and the request itself. */
const leastBytes = 2 * 1024 * 1024

function tooLong(allowed: number, actual: number): EaselError {
  return new EaselError('PAYLOAD_TOO_LARGE', 'These images are too large for base64 in one answer.', {
    reason: 'BASE64_TOO_LONG',
    allowed: { maxBytes: allowed },
    actual: { atLeastBytes: actual },
    hint: 'USE_URL',
  })
}
