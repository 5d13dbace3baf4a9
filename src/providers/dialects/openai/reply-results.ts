import { addReportedUsage } from '../../../catalogue/reported-usage.ts'
import type { ReadContext } from '../../exchanges/exchange.ts'
import { ProviderFailure } from '../../failure.ts'
import type { ImageSink, ReplyEvent, ReplyFacts } from '../../reply.ts'
import { ImageSlot } from '../../transport/image-slot.ts'
import { isRecord } from '../../transport/is-record.ts'
import { readFacts, readUsage } from './reply-facts.ts'

/** Collects the results of one reply: counts its images against `n` and records how it ended. */
export class ReplyResults<T> {
  readonly #context: ReadContext<T>
  readonly #failures: ProviderFailure[] = []
  #facts: ReplyFacts | null = null
  /** Places of images that have arrived or failed. */
  readonly #taken = new Set<number>()
  isTold = false
  #images = 0
  #partials = 0

  constructor(context: ReadContext<T>) {
    this.#context = context
  }

  /** How many of the `n` requested images have arrived or failed. */
  get settled(): number {
    return this.#taken.size
  }

  get isComplete(): boolean {
    return this.settled >= this.#context.request.n
  }

  /** Whether no further image is waited for. */
  get isEnding(): boolean {
    return this.isComplete || this.isTold
  }

  get hasUsage(): boolean {
    return this.#facts?.usage != null
  }

  /** A sink for the image at this index; null for an image beyond the requested ones. */
  openFinal(index: number): ImageSink<T> | null {
    return index < this.#context.request.n ? this.#context.openSink({ index, partial: false }) : null
  }

  openPartial(): ImageSink<T> | null {
    const { partialImages, n } = this.#context.request
    if (this.isComplete || this.#partials >= partialImages * n) return null
    return this.#context.openSink({ index: this.#partials, partial: true })
  }

  learn(body: Record<string, unknown>): void {
    const facts = readFacts(body, this.#context)
    const usage = addReportedUsage(this.#facts?.usage ?? null, facts.usage)
    this.#facts = { ...facts, usage }
  }

  /** What is said after the images. */
  learnUsage(body: Record<string, unknown>): void {
    const known = this.#facts ?? readFacts({}, this.#context)
    const more = readUsage(body.usage, this.#context)
    this.#facts = { ...known, usage: addReportedUsage(known.usage, more) }
  }

  /** The server said that no further images come. */
  tell(): void {
    this.isTold = true
  }

  /** Takes the failure of one image; the others may still come. */
  *takeFailure(body: Record<string, unknown>): Generator<ReplyEvent<T>> {
    const index = this.#take(body)
    yield this.#fail(index, this.sortError(body))
  }

  async *takePartial(body: Record<string, unknown>): AsyncGenerator<ReplyEvent<T>> {
    const slot = findSlot<T>(body)
    const finished = slot?.isWhole ? await slot.finish() : null
    if (!finished) return
    const index = readIndex(body.partial_image_index) ?? this.#partials
    this.#partials += 1
    yield { type: 'partialImage', index, ...finished, facts: readFacts(body, this.#context) }
  }

  /** Takes the next image or failure. */
  async *takeFinal(item: Record<string, unknown>): AsyncGenerator<ReplyEvent<T>> {
    if (this.isComplete) return
    const index = this.#take(item)
    const result = await this.#resolve(item, index)
    if (result instanceof ProviderFailure) {
      yield this.#fail(index, result)
      return
    }
    yield* this.#arrive(index, result.image, item)
  }

  /** Takes an image that came without a word about it. */
  *takeImage(image: T): Generator<ReplyEvent<T>> {
    yield* this.#arrive(this.#take({}), image, {})
  }

  *#arrive(index: number, image: T, item: Record<string, unknown>): Generator<ReplyEvent<T>> {
    this.#images += 1
    const revisedPrompt =
      typeof item.revised_prompt === 'string' && item.revised_prompt !== '' ? item.revised_prompt : null
    yield {
      type: 'image',
      index,
      image,
      revisedPrompt,
      facts: readFacts(item, this.#context),
    }
  }

  /** Keeps the images that were complete when the reply broke off, since they are paid for. */
  async *salvage(slots: readonly ImageSlot<T>[]): AsyncGenerator<ReplyEvent<T>> {
    for (const slot of slots) if (slot.isWhole && !slot.isEmpty) yield* this.takeFinal({ b64_json: slot })
  }

  /** Ends a reply, whether it is complete or broke off. Images that have not arrived fail with `missing`. */
  *conclude(missing: ProviderFailure = noImage(null)): Generator<ReplyEvent<T>> {
    const usage = this.#facts?.usage ?? null
    if (this.#images === 0) throw this.#failures[0]?.but({ usage }) ?? noImage(usage)
    while (!this.isComplete) yield { type: 'imageFailed', index: this.#take({}), failure: missing }
    yield { type: 'completed', facts: this.#facts ?? readFacts({}, this.#context) }
  }

  /** The place that an event names for its image, where it is free, or else the first that is. */
  #take({ image_index: named }: Record<string, unknown>): number {
    const { n } = this.#context.request
    const places = Array.from({ length: n }, (_, index) => index).filter((index) => !this.#taken.has(index))
    const index = places.find((place) => place === named) ?? places[0] ?? n
    this.#taken.add(index)
    return index
  }

  #fail(index: number, failure: ProviderFailure): ReplyEvent<T> {
    this.#failures.push(failure)
    return { type: 'imageFailed', index, failure }
  }

  /** The error in a body with a successful status. The provider has worked where an image has arrived or failed. */
  sortError(json: unknown): ProviderFailure {
    const usage = isRecord(json) ? readUsage(json.usage, this.#context) : null
    const failure = this.#context.sort({ status: 200, headers: {}, json, text: '', usage })
    const hasWorked = this.settled > 0 || this.#partials > 0
    return hasWorked && !failure.mayBePaid ? failure.but({ certainty: 'FAILED' }) : failure
  }

  async #resolve(item: Record<string, unknown>, index: number): Promise<{ image: T } | ProviderFailure> {
    const slot = findSlot<T>(item)
    const finished = slot?.isWhole ? await slot.finish() : null
    if (finished) return finished
    const address = [item.url, item.b64_json].find((value) => typeof value === 'string' && value !== '')
    if (typeof address === 'string') return this.#download(address, index)
    if (!slot?.fault) return this.#explainNone(item)
    return new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESULT', cause: slot.fault })
  }

  /** Why an item has no image, where it says so: with an error of its own, or as refused content. */
  #explainNone(item: Record<string, unknown>): ProviderFailure {
    if (item.error) return this.sortError({ error: item.error })
    if (typeof item.code === 'string' && item.message) return this.sortError({ error: item })
    return isWithheld(item) ? this.sortError({ error: { ...item, code: 'content_filter' } }) : noImage(null)
  }

  async #download(address: string, index: number): Promise<{ image: T } | ProviderFailure> {
    const { download, openSink } = this.#context
    try {
      return { image: await download(address, () => openSink({ index, partial: false })) }
    } catch (error) {
      if (error instanceof ProviderFailure && error.certainty === 'FAILED') return error
      throw error
    }
  }
}

/** The words of xAI and of Ideogram for an image that they made and keep to themselves. */
function isWithheld({ respect_moderation: isFit, is_image_safe: isSafe }: Record<string, unknown>): boolean {
  return isFit === false || isSafe === false
}

function findSlot<T>(item: Record<string, unknown>): ImageSlot<T> | null {
  const slots = [item.b64_json, item.url].filter((value) => value instanceof ImageSlot) as ImageSlot<T>[]
  return slots.find(({ isEmpty }) => !isEmpty) ?? null
}

function noImage(usage: ReplyFacts['usage']): ProviderFailure {
  return new ProviderFailure({ certainty: 'FAILED', reason: 'NO_IMAGE', usage })
}

/** The index in an event. It names nothing, and a value out of range is ignored. */
function readIndex(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 16 ? value : null
}
