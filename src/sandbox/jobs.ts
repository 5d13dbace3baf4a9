import { type Exchange, readJson, sendJson, sendText, writeChunk } from './exchange.ts'
import type { Fault } from './faults.ts'
import { breakOff, openEntry, takeFault } from './intake.ts'
import { shortenParameters } from './ledger.ts'
import type { ImageKind } from './models.ts'
import type { Studio } from './studio.ts'

/** What every request for a job says. */
export interface JobRequest {
  kind: ImageKind
  model: string
  prompt: string
}

/** A job that was taken. What its picture is made from is the shape's own matter. */
export interface Job<Work> {
  id: string
  work: Work
  fault: Fault | undefined
}

/** How one service speaks of jobs: a row of the routes. */
export interface JobShape<Request extends JobRequest, Work> {
  maxBodyBytes: number
  /** How long a job that has ended can be asked for. */
  maxAgeMs: number
  /** Throws the refusal of what the service would not take. */
  readRequest(body: unknown, model: string): Request | Promise<Request>
  /** What a fault makes of a request, if it is refused at once. */
  refuse(fault: Fault): Error | undefined
  refuseUnknown(id: string): Error
  start(studio: Studio, exchange: Exchange, request: Request): Promise<Work>
  describeSubmitted(job: Job<Work>, exchange: Exchange): object
  describePending(job: Job<Work>): object
  describeDone(job: Job<Work>, studio: Studio, exchange: Exchange): object | Promise<object>
}

export interface Jobs {
  submit(exchange: Exchange, model: string): Promise<void>
  poll(exchange: Exchange, id: string): Promise<void>
}

export interface JobsOptions {
  /** How many look-ups say at least that a job is not done. */
  pendingPolls: number
}

const maxJobs = 10_000
/** Work takes as long as this many pauses of the service that answers at once. */
const pausesPerImage = 3

interface Kept<Work> extends Job<Work> {
  doneAt: number
  polls: number
}

/** A job is done once its time has come and it was looked up often enough. */
export function createJobs<Request extends JobRequest, Work>(
  studio: Studio,
  shape: JobShape<Request, Work>,
  { pendingPolls }: JobsOptions,
): Jobs {
  const jobs = new Map<string, Kept<Work>>()

  const remember = (job: Kept<Work>) => {
    jobs.set(job.id, job)
    for (const [id, { doneAt }] of jobs) {
      if (jobs.size <= maxJobs && studio.now() - doneAt < shape.maxAgeMs) break
      jobs.delete(id)
    }
  }
  const refuseByFault = (fault: Fault | undefined) => {
    const refusal = fault && shape.refuse(fault)
    if (refusal) throw refusal
  }

  return {
    async submit(exchange, model) {
      const { ledger, now, delayMs, newId } = studio
      const entry = openEntry(studio, exchange, 'generation')
      const body = await readJson(exchange, shape.maxBodyBytes)
      if (typeof body === 'object' && body) ledger.note(entry, { parameters: shortenParameters({ ...body }) })
      const request = await shape.readRequest(body, model)
      const fault = takeFault(studio, exchange, { isPaidRoute: true, prompt: request.prompt })
      const news = { kind: request.kind, model: request.model, fault: fault?.name ?? null }
      ledger.note(entry, { ...news, paid: fault?.paid ?? true })
      if (await breakOff(studio, exchange, fault)) return
      refuseByFault(fault)
      const work = await shape.start(studio, exchange, request)
      const job = { id: newId(), work, fault, doneAt: now() + pausesPerImage * delayMs, polls: 0 }
      remember(job)
      await sendSpoiled(exchange, JSON.stringify(shape.describeSubmitted(job, exchange)), fault)
    },

    async poll(exchange, id) {
      studio.ledger.count('polls')
      const fault = takeFault(studio, exchange, { isPaidRoute: false })
      if (await breakOff(studio, exchange, fault)) return
      refuseByFault(fault)
      const job = jobs.get(id)
      if (!job || studio.now() - job.doneAt >= shape.maxAgeMs) throw shape.refuseUnknown(id)
      job.polls++
      const isDone = job.polls > pendingPolls && studio.now() >= job.doneAt
      sendJson(
        exchange,
        isDone ? await shape.describeDone(job, studio, exchange) : shape.describePending(job),
      )
    },
  }
}

async function sendSpoiled(exchange: Exchange, text: string, fault: Fault | undefined): Promise<void> {
  if (fault?.name !== 'cut-stream') {
    const contentType = fault?.name === 'wrong-content-type' ? 'text/plain' : 'application/json'
    return sendText(exchange, text, { contentType })
  }
  exchange.response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
  await writeChunk(exchange, text.slice(0, text.length / 2))
  exchange.response.destroy()
}

/** The seconds that a refusal asks to wait. */
export function retryHeaders({ name, value }: Fault): Record<string, string> {
  return name === '429' || value !== undefined ? { 'retry-after': String(value ?? 1) } : {}
}

/** Whether a fault takes the picture out of a job that is done. */
export function isEmptied(fault: Fault | undefined): boolean {
  return fault?.name === 'empty-data' || fault?.name === 'fewer'
}
