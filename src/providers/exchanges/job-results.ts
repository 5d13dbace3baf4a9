import { noTokens, type ReportedCost } from '../../catalogue/reported-usage.ts'
import { ProviderFailure } from '../failure.ts'
import type { ReplyEvent } from '../reply.ts'
import { ImageSlot } from '../transport/image-slot.ts'
import type { ReadContext } from './exchange.ts'
import type { JobState } from './job.ts'
import type { JobAnswer } from './job-answer.ts'

type Made = Extract<JobState, { type: 'image' | 'address' }>

/** Collects the images of several jobs, and the failures of the others. */
export class JobResults<T> {
  readonly #context: ReadContext<T>
  readonly #failures: ProviderFailure[] = []
  #images = 0
  #modelVersion: string | null = null
  readonly #costs: (ReportedCost | null)[] = []

  constructor(context: ReadContext<T>) {
    this.#context = context
  }

  fail(index: number, failure: ProviderFailure): ReplyEvent<T> {
    this.#failures.push(failure)
    return { type: 'imageFailed', index, failure }
  }

  /** Fails the jobs from this index on. The first of them may have been submitted; the others were not. */
  *failRest(from: number, failure: ProviderFailure): Generator<ReplyEvent<T>> {
    for (let index = from; index < this.#context.request.n; index++)
      yield this.fail(index, index === from ? failure : failure.but({ certainty: 'FAILED' }))
  }

  /** Takes the end of a job. `askAgain` polls again for a new address where the image is gone from the old one. */
  async *take(
    index: number,
    state: JobState,
    askAgain: () => Promise<JobAnswer>,
  ): AsyncGenerator<ReplyEvent<T>> {
    if (state.type === 'pending') return
    if (state.type === 'failed') return yield this.fail(index, state.failure)
    const result = await this.#fetch(index, state, askAgain)
    if (result instanceof ProviderFailure) return yield this.fail(index, result)
    this.#images += 1
    this.#modelVersion ??= state.modelVersion ?? null
    this.#costs.push(state.cost ?? null)
    const facts = { modelVersion: state.modelVersion ?? null }
    yield { type: 'image', index, image: result.image, revisedPrompt: null, facts }
  }

  /** The failure of the call: one that may be paid for, if there is one, so that no job is submitted again. */
  conclude(): ReplyEvent<T> {
    if (this.#images === 0) {
      const paid = this.#failures.find(({ mayBePaid }) => mayBePaid)
      throw paid ?? this.#failures[0] ?? new ProviderFailure({ certainty: 'FAILED', reason: 'NO_IMAGE' })
    }
    const created = Math.floor(this.#context.now().getTime() / 1000)
    const unknown = { background: null, outputFormat: null, quality: null, size: null }
    const cost = sumUp(this.#costs)
    const usage = cost && { ...noTokens, cost }
    return { type: 'completed', facts: { ...unknown, usage, created, modelVersion: this.#modelVersion } }
  }

  async #fetch(
    index: number,
    state: Made,
    askAgain: () => Promise<JobAnswer>,
  ): Promise<{ image: T } | ProviderFailure> {
    if (state.type === 'image') return this.#finish(state.image)
    const first = await this.#download(index, state.address)
    if (!(first instanceof ProviderFailure) || first.reason !== 'UPSTREAM_RESULT_UNREACHABLE') return first
    await using answer = await askAgain()
    return answer.state.type === 'address' ? this.#download(index, answer.state.address) : first
  }

  async #finish(image: unknown): Promise<{ image: T } | ProviderFailure> {
    const slot = image instanceof ImageSlot ? (image as ImageSlot<T>) : null
    const finished = slot ? await slot.finish() : null
    if (finished) return finished
    const reason = slot?.isEmpty ? 'NO_IMAGE' : 'UPSTREAM_INVALID_RESULT'
    return new ProviderFailure({ certainty: 'FAILED', reason, cause: slot?.fault })
  }

  async #download(index: number, address: string): Promise<{ image: T } | ProviderFailure> {
    const { download, openSink } = this.#context
    try {
      return { image: await download(address, () => openSink({ index, partial: false })) }
    } catch (error) {
      if (error instanceof ProviderFailure && error.certainty === 'FAILED') return error
      throw error
    }
  }
}

/** The sum of the costs; null unless every image came with its cost. */
function sumUp(costs: readonly (ReportedCost | null)[]): ReportedCost | null {
  const known = costs.filter((cost) => cost !== null)
  const [first] = known
  if (!first || known.length < costs.length) return null
  return { currency: first.currency, micros: known.reduce((sum, { micros }) => sum + micros, 0) }
}
