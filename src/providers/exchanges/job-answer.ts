import { ProviderFailure } from '../failure.ts'
import type { UpstreamAnswer } from '../failures/error-body.ts'
import type { Sorter } from '../failures/http-failure.ts'
import { type JsonReader, JsonTooLarge, MalformedJson } from '../transport/json-reader.ts'
import { ReplyRecorder } from '../transport/reply-recorder.ts'
import type { HttpReply } from '../transport/transport.ts'
import type { ProviderReading } from './exchange.ts'
import type { JobHandle, JobState, PollAnswer, PolledJob } from './job.ts'
import { readAnswer } from './reply-body.ts'
import { createAnswerReader, writeAnswerMark } from './spooled-answers.ts'
import type { ReplySpool } from './spooled-reply.ts'

/** The answer to one poll. An image in it must be read before this is disposed of. */
export interface JobAnswer extends AsyncDisposable {
  state: JobState
  /** False once the spool holds a part of an answer: polling again is better than reading that part. */
  isSpoolWhole: boolean
}

export interface JobQuestion<T> {
  dialect: PolledJob
  reading: ProviderReading<T>
  job: JobHandle
  /** The index of the job's image among the requested ones. */
  index: number
  /** Null when the answers are read from a spool. */
  spool: ReplySpool | null
}

/** A poll costs nothing: one that fails counts as no answer and is repeated until the deadline. */
export async function askForJob<T>(question: JobQuestion<T>): Promise<JobAnswer> {
  const { dialect, reading, job } = question
  const request = dialect.describePoll(job, reading.wire.baseUrl)
  if (!reading.isOwn(request.url)) return new Answer({ type: 'failed', failure: foreignAddress() })
  const answer = new Answer<T>({ type: 'pending' })
  try {
    const reply = await reading.send(request)
    answer.state = await (reply.status === 200 ? answer.read(question, reply) : readOther(question, reply))
    return answer
  } catch (error) {
    await answer.discard(error)
    if (!isNoAnswer(error) || reading.deadline.signal.aborted) throw error
    answer.state = toState(error)
    return answer
  }
}

/** Any other error is one of Easel's own. */
function isNoAnswer(error: unknown): boolean {
  return error instanceof ProviderFailure || error instanceof MalformedJson || error instanceof JsonTooLarge
}

function toState(error: unknown): JobState {
  if (error instanceof ProviderFailure && error.certainty === 'FAILED')
    return { type: 'failed', failure: error }
  if (!(error instanceof JsonTooLarge)) return { type: 'pending' }
  const reason = 'UPSTREAM_RESPONSE_TOO_LARGE'
  return { type: 'failed', failure: new ProviderFailure({ certainty: 'FAILED', reason, cause: error }) }
}

/** The job was accepted, but polling it would send the provider's key to another host. */
function foreignAddress(): ProviderFailure {
  const reason = 'UPSTREAM_INVALID_RESPONSE'
  return new ProviderFailure({ certainty: 'UNKNOWN', reason, upstreamCode: 'FOREIGN_ADDRESS' })
}

class Answer<T> implements JobAnswer {
  state: JobState
  isSpoolWhole = true
  #reader: JsonReader<T> | null = null

  constructor(state: JobState) {
    this.state = state
  }

  async read(
    { dialect, reading, job, index, spool }: JobQuestion<T>,
    { status, body }: HttpReply,
  ): Promise<JobState> {
    const { context } = reading
    this.isSpoolWhole = false
    const recorder = spool ? new ReplyRecorder(spool) : undefined
    const openImage = () => context.openSink({ index, partial: false })
    const reader = createAnswerReader(dialect.imageKeys, { ...context, recorder }, openImage)
    this.#reader = reader
    if (spool) await writeAnswerMark(spool, { index, status })
    for await (const chunk of recorder?.record(body) ?? body) await reader.write(chunk)
    const [value] = reader.end()
    await spool?.write(lineFeed)
    this.isSpoolWhole = true
    return dialect.readPoll({ job, status, body: value }, context)
  }

  discard(reason: unknown): Promise<void> {
    return this.#reader?.discard(reason) ?? Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.discard(new Error('The answer was not taken'))
  }
}

const lineFeed = Buffer.from('\n')

/** An answer without status 200 may still hold the end of the job; otherwise its status is about the poll alone. */
async function readOther<T>(
  { dialect, reading, job, index, spool }: JobQuestion<T>,
  reply: HttpReply,
): Promise<JobState> {
  const { json, text } = await readAnswer(reply)
  const { status, headers } = reply
  const answer = { job, status, body: json }
  const state = stateOf(dialect, answer, reading.context, { status, headers, json, text })
  if (state.type === 'pending' || !spool) return state
  await writeAnswerMark(spool, { index, status })
  await spool.write(Buffer.from(`${JSON.stringify(json ?? null)}\n`))
  return state
}

export function readSpooledAnswer(dialect: PolledJob, answer: PollAnswer, sorter: Sorter): JobState {
  if (answer.status === 200) return dialect.readPoll(answer, sorter)
  const { status, body: json } = answer
  return stateOf(dialect, answer, sorter, { status, headers: {}, json, text: '' })
}

function stateOf(dialect: PolledJob, answer: PollAnswer, sorter: Sorter, whole: UpstreamAnswer): JobState {
  const told = dialect.readPoll(answer, sorter)
  if (told.type !== 'pending') return told
  const { status } = answer
  // The upstream has no such job, or has it no longer.
  if (status === 404 || status === 410) {
    const failure = new ProviderFailure({ certainty: 'FAILED', reason: 'RESULT_EXPIRED' })
    return { type: 'failed', failure }
  }
  // These pass: keys are renewed and rate limits end while a job runs.
  const mayPass = status < 300 || status >= 500 || [401, 403, 408, 429].includes(status)
  if (mayPass) return told
  return { type: 'failed', failure: sorter.sort(whole).but({ certainty: 'FAILED' }) }
}
