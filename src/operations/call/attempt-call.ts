import { keepTrying } from '../../database/keep-trying.ts'
import { ProviderFailure } from '../../providers/failure.ts'
import type { CallOptions, Passage, Providers } from '../../providers/providers.ts'
import type { ReplyEvent } from '../../providers/reply.ts'
import type { Failpoint } from '../failpoint.ts'
import { sharedSpoolId } from '../keep/shared-spool.ts'
import type { Spool, SpooledReply, SpoolWriter } from '../keep/spool.ts'
import { type Attempts, jobsOf, type ResponseFacts } from '../transitions/attempts.ts'
import { LeaseLost } from '../transitions/statement.ts'
import type { Call, Claim } from './claim.ts'
import type { ConcludeReply } from './conclude-reply.ts'
import type { Receive } from './receive-reply.ts'
import type { ReceivedImage } from './received-image.ts'

/** One attempt at one provider: sends, asks again or reads from disk, and acts on what comes. */
export interface AttemptCall {
  send(claim: Claim, call: Call, passage: Passage): Promise<void>
  resume(claim: Claim, call: Call): Promise<void>
  replay(claim: Claim, call: Call, spooled: SpooledReply): Promise<void>
}

export interface AttemptCallOptions {
  providers: Providers
  attempts: Attempts
  spool: Spool
  receive: Receive
  conclude: ConcludeReply
  failpoint: Failpoint
  idleTimeoutMs: number
}

/** The upstream keeps results for days, so Easel asks for one for this long even after the operation's deadline. */
const leastResumeMs = 60_000
/** How long the handle of a paid job waits to be written while the database is away. */
const patienceMs = 30_000

type Events = AsyncIterable<ReplyEvent<ReceivedImage>>

export function createAttemptCall(options: AttemptCallOptions): AttemptCall {
  const { providers, attempts, spool, receive, conclude, failpoint } = options

  const carryOut = async (claim: Claim, call: Call, open: (tracked: Tracked) => Events) => {
    const isRepeated = call.attempt.state === 'SENT'
    const startedAt = performance.now()
    const { lease } = claim
    await using writer = await openSpool(spool, call.attempt.id)
    const tracked: Tracked = { writer, sent: isRepeated }
    try {
      const reply = await receive.receive(claim, onceSpooled(open(tracked), writer), { isRepeated })
      const spoolId = await spoolOf(writer)
      const { httpStatus, upstreamRequestId } = reply
      if (spoolId !== null) await responded(claim, call, { httpStatus, upstreamRequestId, spoolId })
      const ms = Math.round(performance.now() - startedAt)
      await conclude(claim, { ...call, sent: tracked.sent, spooled: writer.isWhole, ms }, reply)
    } catch (error) {
      if (tracked.sent) throw error
      // Only this process knows that nothing was sent, so it says so even without the lease, if there is no newer owner.
      if (error instanceof LeaseLost) await attempts.abandon(lease, call.attempt.id)
      // The call was not sent, so the file that was opened for its reply stays empty.
      await spool.remove(call.attempt.id)
      throw error
    }
  }

  const spoolOf = async (writer: SpoolWriter): Promise<string | null> => {
    if (!writer.isWhole) return null
    return writer.isShared ? sharedSpoolId : spool.id()
  }

  const responded = async (
    { lease }: Claim,
    { attempt }: Call,
    facts: ResponseFacts & { spoolId: string },
  ) => {
    await failpoint('spooled')
    await attempts.markResponded(lease, attempt.id, facts)
    await failpoint('responded')
  }

  const callOptions = (claim: Claim, call: Call, tracked: Tracked): CallOptions<ReceivedImage> => {
    const { lease, signal } = claim
    const { attempt } = call
    return {
      signal,
      totalTimeoutMs: Math.max(1, lease.timeLeftMs()),
      idleTimeoutMs: options.idleTimeoutMs,
      clientRequestId: attempt.id,
      onSend: async () => {
        if (tracked.sent) return
        await attempts.markSent(lease, attempt.id, await spool.id())
        await failpoint('sent')
        lease.assertHeld()
        tracked.sent = true
      },
      onSubmitted: async (job) => {
        const keep = () => attempts.addUpstreamJob(attempt.id, job)
        await keepTrying(keep, { forMs: patienceMs, signal })
        await failpoint('submitted')
        // The next job is submitted under the same SENT mark, so the lease must still be held.
        lease.assertHeld()
      },
      spool: tracked.writer,
      openSink: receive.openSinks(signal, tracked.writer),
    }
  }

  return {
    send: (claim, call, passage) =>
      carryOut(claim, call, (tracked) =>
        providers.call(call.model, call.request, { ...callOptions(claim, call, tracked), passage }),
      ),
    resume: (claim, call) =>
      carryOut(claim, call, (tracked) => {
        const given = callOptions(claim, call, tracked)
        const totalTimeoutMs = Math.max(leastResumeMs, given.totalTimeoutMs)
        return providers.resume(call.model, call.request, jobsOf(call.attempt), { ...given, totalTimeoutMs })
      }),
    replay: async (claim, call, spooled) => {
      const sinks = receive.openSinks(claim.signal, null)
      const events = providers.replay(call.model, call.request, spooled.read(), sinks)
      const reply = await receive.receive(claim, events, { isRepeated: true })
      reply.upstreamRequestId ??= call.attempt.upstreamRequestId
      reply.httpStatus ??= call.attempt.httpStatus
      // A part of a reply that cannot be read was cut off when its process died.
      if (!spooled.isWhole && isInvalid(reply.end?.error)) reply.end = { error: outcomeUnknown() }
      await conclude(claim, { ...call, sent: true, spooled: true, ms: null }, reply)
    },
  }
}

const isInvalid = (error: unknown): boolean =>
  error instanceof ProviderFailure && error.reason === 'UPSTREAM_INVALID_RESPONSE'

const outcomeUnknown = () =>
  new ProviderFailure({ certainty: 'UNKNOWN', reason: 'UPSTREAM_OUTCOME_UNKNOWN', upstreamCode: 'SPOOL' })

interface Tracked {
  writer: SpoolWriter
  sent: boolean
}

/** What an event came of is on disk before the event is acted on. */
async function* onceSpooled(events: Events, writer: SpoolWriter): AsyncGenerator<ReplyEvent<ReceivedImage>> {
  for await (const event of events) {
    await writer.flush()
    yield event
  }
}

async function openSpool(spool: Spool, attemptId: string): Promise<SpoolWriter & AsyncDisposable> {
  const writer = await spool.open(attemptId)
  return Object.assign(writer, { [Symbol.asyncDispose]: () => writer.close() })
}
