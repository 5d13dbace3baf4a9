import type { Logger } from 'pino'
import type { EaselError } from '../../errors.ts'
import type { ProviderFailure } from '../../providers/failure.ts'
import type { OpenSink, ReplyEvent, ReplyFacts } from '../../providers/reply.ts'
import type { Failpoint } from '../failpoint.ts'
import type { SpoolWriter } from '../keep/spool.ts'
import type { ImageFailure } from '../kept-response.ts'
import { createOperationFailure, type OperationFailure, toOperationFailure } from '../operation-error.ts'
import type { Lease } from '../run/operation-lease.ts'
import type { ResponseFacts } from '../transitions/attempts.ts'
import type { ResultImage } from '../transitions/finish-operation.ts'
import type { OpenOperation } from '../transitions/leases.ts'
import { createPartialImages, type PartialImageOptions } from '../transitions/partial-image.ts'
import { LeaseLost } from '../transitions/statement.ts'
import { createImageSinks, discardImage, type ImageIntake, type ReceivedImage } from './received-image.ts'

export type ReceiveOptions = PartialImageOptions &
  ImageIntake & { log: Pick<Logger, 'warn'>; failpoint: Failpoint }

/** Takes a provider's reply apart as it arrives: images go to the store, partial images become events at once. */
export interface Receive {
  /** `spool`: where the reply is kept while it arrives; null for one that is read again. */
  openSinks(signal: AbortSignal, spool: SpoolWriter | null): OpenSink<ReceivedImage>
  /**
   * A reply is paid for, so an error of Easel does not end it: it is read to its end, for the spool. When a reply is read
   * again, partial images that have an event get no second one. Throws {@link LeaseLost} only; any other error is in the
   * reply.
   */
  receive(
    work: Work,
    events: AsyncIterable<ReplyEvent<ReceivedImage>>,
    options: { isRepeated: boolean },
  ): Promise<ReceivedReply>
}

export function createReceive(options: ReceiveOptions): Receive {
  const { images, log, failpoint } = options
  const partials = createPartialImages(options)

  const keepPartial = async (
    { operation, lease, signal, known, reply }: Receiving,
    { image, index, facts }: Extract<ReplyEvent<ReceivedImage>, { type: 'partialImage' }>,
  ) => {
    const position = reply.partials++
    try {
      // A partial image that cannot be shown is left out: clients are promised none.
      if ('staged' in image && !known.has(position)) {
        await partials.keep(operation, lease, { staged: image.staged, position, index, facts, signal })
      }
    } catch (error) {
      if (error instanceof LeaseLost) throw error
      log.warn({ err: error, operationId: operation.id }, 'a partial image was left out')
    } finally {
      await discardImage(image)
    }
  }

  const keepResult = async (
    { operation, signal, reply }: Receiving,
    { image, index, revisedPrompt }: Extract<ReplyEvent<ReceivedImage>, { type: 'image' }>,
  ) => {
    if ('refused' in image) return reply.fail(index, invalidResult(image.refused))
    if ('lost' in image) return reply.lose(image.lost)
    try {
      const stored = await images.store(image.staged, operation.id, signal)
      reply.images.push({ index, stored, revisedPrompt })
    } catch (error) {
      reply.lose(error)
    } finally {
      await discardImage(image)
    }
    await failpoint('stored')
  }

  const take = async (receiving: Receiving, event: ReplyEvent<ReceivedImage>) => {
    const { reply } = receiving
    if (event.type === 'partialImage') await keepPartial(receiving, event)
    if (event.type === 'image') await keepResult(receiving, event)
    if (event.type === 'imageFailed') reply.miss(event.index, toMissing(event.failure))
    if (event.type === 'completed') reply.facts = event.facts
    if (event.type === 'responded') {
      reply.httpStatus = event.httpStatus
      reply.upstreamRequestId = event.upstreamRequestId
      await failpoint('replying')
    }
  }

  const findKnown = async ({ operation }: Work, isRepeated: boolean) =>
    isRepeated ? partials.known(operation.id) : new Set<number>()

  return {
    openSinks: (signal, spool) => createImageSinks(options, signal, spool),
    receive: async (work, events, { isRepeated }) => {
      const reply = new ReceivedReply()
      try {
        const receiving = { ...work, reply, known: await findKnown(work, isRepeated) }
        for await (const event of events) await take(receiving, event)
      } catch (error) {
        if (error instanceof LeaseLost) throw error
        reply.end = { error }
      }
      return reply
    },
  }
}

interface Work {
  operation: OpenOperation
  lease: Lease
  signal: AbortSignal
}

interface Receiving extends Work {
  reply: ReceivedReply
  /** Partial images whose events were written before a crash. */
  known: Set<number>
}

const noFacts: ReplyFacts = {
  created: null,
  background: null,
  outputFormat: null,
  quality: null,
  size: null,
  modelVersion: null,
  usage: null,
}

/** Why an image is missing, and whether the provider may have made it nevertheless. */
export interface Missing {
  failure: OperationFailure
  isUnknown: boolean
}

export function toMissing(failure: ProviderFailure): Missing {
  return { failure: toOperationFailure(failure), isUnknown: failure.isOutcomeUnknown }
}

/** What has arrived of a reply, and how it ended. */
export class ReceivedReply implements ResponseFacts {
  httpStatus: number | null = null
  upstreamRequestId: string | null = null
  readonly images: ResultImage[] = []
  readonly failures: ImageFailure[] = []
  facts: ReplyFacts = noFacts
  partials = 0
  /** How many images the provider may have made and charged for without Easel having received them. */
  unknown = 0
  /** The error that ended the reply before it was complete; null where there was none. */
  end: { error: unknown } | null = null
  /** The first image that was lost by a fault of Easel's own; the spool may still have it. */
  loss: { error: unknown } | null = null

  fail(index: number, failure: OperationFailure): void {
    this.failures.push({ index, failure })
  }

  miss(index: number, { failure, isUnknown }: Missing): void {
    this.fail(index, failure)
    if (isUnknown) this.unknown += 1
  }

  lose(error: unknown): void {
    this.loss ??= { error }
  }

  /** Gives each requested image that is missing a reason. */
  complete(n: number, missing: Missing): void {
    const settled = new Set([...this.images, ...this.failures].map(({ index }) => index))
    for (let index = 0; index < n; index++) if (!settled.has(index)) this.miss(index, missing)
    this.images.sort((a, b) => a.index - b.index)
    this.failures.sort((a, b) => a.index - b.index)
  }
}

function invalidResult(error: EaselError): OperationFailure {
  const message = `The provider's image cannot be used: ${error.message}`
  return createOperationFailure('UPSTREAM_INVALID_RESULT', message)
}
