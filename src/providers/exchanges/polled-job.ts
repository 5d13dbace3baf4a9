import { ProviderFailure } from '../failure.ts'
import type { Sorter } from '../failures/http-failure.ts'
import type { ReplyEvent } from '../reply.ts'
import { readBeginning } from '../transport/byte-stream.ts'
import { describeAbort, sleep } from '../transport/deadline.ts'
import { isRecord } from '../transport/is-record.ts'
import type { HttpReply } from '../transport/transport.ts'
import { type Exchange, type ProviderCall, type ProviderReading, toRespondedEvent } from './exchange.ts'
import { isJobHandle, type JobHandle, type PolledJob } from './job.ts'
import { askForJob, readSpooledAnswer } from './job-answer.ts'
import { JobResults } from './job-results.ts'
import { readSpooledAnswers } from './spooled-answers.ts'
import { type SpooledReply, writeSpoolHead } from './spooled-reply.ts'

/**
 * A job is submitted, and then polled until it has ended. Submitting is paid for and happens once; polling costs nothing
 * and goes on until the deadline, in this process or in the next one.
 */
export function polledJob(dialect: PolledJob): Exchange {
  return {
    call: (call) => submitAndFollow(dialect, call),
    replay: (reply, reading) => replay(dialect, reply, reading),
    resume: (call, jobs) => follow({ dialect, call, jobs, failure: cutOff() }),
  }
}

/** Submits every job, then polls until each has ended. */
async function* submitAndFollow<T>(dialect: PolledJob, call: ProviderCall<T>): AsyncGenerator<ReplyEvent<T>> {
  const { model, request, wire, options } = call
  let sent: Promise<void> | null = null
  const onSend = () => {
    sent ??= options.onSend()
    return sent
  }
  const jobs: JobHandle[] = []
  let failure: ProviderFailure | null = null
  for (let index = 0; index < request.n && !failure; index++) {
    let job: JobHandle
    try {
      const described = dialect.describeSubmit(model, request, { index, baseUrl: wire.baseUrl })
      const reply = await call.send(described, onSend)
      if (index === 0) yield toRespondedEvent(reply)
      job = await readSubmitted(dialect, reply, call.context)
    } catch (error) {
      // One job is under way, so the call is paid for: only the jobs that are left fail.
      if (jobs.length === 0 || !(error instanceof ProviderFailure)) throw error
      failure = error.isOutcomeUnknown ? error : error.but({ certainty: 'FAILED' })
      break
    }
    jobs.push(job)
    await options.onSubmitted?.(job)
  }
  yield* follow({ dialect, call, jobs, failure })
}

const maxSubmitBytes = 64 * 1024

async function readSubmitted(dialect: PolledJob, reply: HttpReply, { sort }: Sorter): Promise<JobHandle> {
  const text = (await readBeginning(reply.body, maxSubmitBytes)).toString()
  const json = parse(text)
  const isSuccess = reply.status >= 200 && reply.status < 300
  const job = isSuccess ? dialect.readSubmitted(json) : null
  if (isJobHandle(job)) return job
  if (!isSuccess || (isRecord(json) && json.error))
    throw sort({ ...reply, json, text: json === undefined ? text : '' })
  // The job was accepted, but its handle is lost, so it cannot be polled.
  throw new ProviderFailure({ certainty: 'UNKNOWN', reason: 'UPSTREAM_INVALID_RESPONSE' })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The process that submitted may have died within a submit. */
function cutOff(): ProviderFailure {
  return new ProviderFailure({ certainty: 'UNKNOWN', reason: 'UPSTREAM_OUTCOME_UNKNOWN' })
}

interface Following<T> {
  dialect: PolledJob
  call: ProviderCall<T>
  jobs: readonly JobHandle[]
  /** The failure of images without a job. */
  failure: ProviderFailure | null
}

async function* follow<T>({ dialect, call, jobs, failure }: Following<T>): AsyncGenerator<ReplyEvent<T>> {
  const { spool } = call.options
  const results = new JobResults(call.context)
  const pending = new Map(jobs.entries())
  await writeSpoolHead(spool, { status: 200, headers: {}, jobs: [...jobs] })
  let isSpoolWhole = true
  for (let round = 0; pending.size > 0; round++) {
    await pause(dialect, call, round)
    for (const [index, job] of pending) {
      const ask = async () => {
        const answer = await askForJob({ dialect, reading: call, job, index, spool })
        isSpoolWhole &&= answer.isSpoolWhole
        return answer
      }
      await using answer = await ask()
      if (answer.state.type === 'pending') continue
      pending.delete(index)
      yield* results.take(index, answer.state, ask)
    }
  }
  if (failure) yield* results.failRest(jobs.length, failure)
  // Polling again is better than a spool with an incomplete answer.
  if (isSpoolWhole) await spool.end()
  yield results.conclude()
}

async function pause<T>(dialect: PolledJob, { pacing, deadline }: ProviderCall<T>, round: number) {
  const intervals = pacing.pollIntervalsMs ?? dialect.pollIntervalsMs
  const interval = intervals[Math.min(round, intervals.length - 1)] ?? 10_000
  try {
    await sleep(interval * (1 + pacing.random() * 0.2), deadline.signal)
  } catch (cause) {
    throw new ProviderFailure({ certainty: 'UNKNOWN', ...describeAbort(cause) })
  }
}

/** Reads spooled answers again, in the order in which they came. */
async function* replay<T>(
  dialect: PolledJob,
  reply: SpooledReply,
  reading: ProviderReading<T>,
): AsyncGenerator<ReplyEvent<T>> {
  const { context } = reading
  const results = new JobResults(context)
  const jobs = reply.jobs ?? []
  const pending = new Map(jobs.entries())
  for await (const spooled of readSpooledAnswers(reply, dialect.imageKeys, context)) {
    const { index } = spooled
    const job = pending.get(index)
    if (!job) continue
    const state = readSpooledAnswer(dialect, { ...spooled, job }, context)
    if (state.type === 'pending') continue
    pending.delete(index)
    yield* results.take(index, state, () => askForJob({ dialect, reading, job, index, spool: null }))
  }
  for (const index of pending.keys()) yield results.fail(index, cutOff())
  yield* results.failRest(jobs.length, cutOff())
  yield results.conclude()
}
