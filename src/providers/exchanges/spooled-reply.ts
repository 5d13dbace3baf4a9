import { ProviderFailure } from '../failure.ts'
import { prepend } from '../transport/byte-stream.ts'
import { isRecord } from '../transport/is-record.ts'
import type { RecordedParts } from '../transport/reply-recorder.ts'
import type { HttpReply } from '../transport/transport.ts'
import { isJobHandle, type JobHandle } from './job.ts'

/** Keeps the reply as it arrives; `end` makes it durable. */
export interface ReplySpool extends RecordedParts {
  end(): Promise<void>
}

export interface SpoolHead {
  status: number
  headers: Record<string, string>
  /** Of an exchange with jobs: what they are asked for by, in the order of the images. */
  jobs?: readonly JobHandle[]
}

/** A spooled reply is one line of JSON, the head, and then the body as it came. */
export async function writeSpoolHead(spool: ReplySpool, head: SpoolHead): Promise<void> {
  await spool.write(Buffer.from(`${JSON.stringify(head)}\n`))
}

export type SpooledReply = HttpReply & Pick<SpoolHead, 'jobs'>

const maxHeadBytes = 256 * 1024

export async function readSpooledReply(spool: AsyncIterable<Uint8Array>): Promise<SpooledReply> {
  const chunks = spool[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  for (;;) {
    const end = head.indexOf(0x0a)
    if (end !== -1)
      return { ...parseHead(head.subarray(0, end)), body: prepend([head.subarray(end + 1)], chunks) }
    const { done, value } = await chunks.next()
    if (done || head.length > maxHeadBytes) throw unreadable()
    head = Buffer.concat([head, value])
  }
}

function parseHead(line: Buffer): SpoolHead {
  try {
    const head: unknown = JSON.parse(line.toString('utf8'))
    if (isRecord(head) && typeof head.status === 'number' && isRecord(head.headers))
      return { ...(head as unknown as SpoolHead), ...readJobs(head) }
  } catch {
    // Thrown below.
  }
  throw unreadable()
}

/** An earlier version kept the ids alone. */
function readJobs({ jobs, upstreamOperationIds: ids }: Record<string, unknown>): Pick<SpoolHead, 'jobs'> {
  if (Array.isArray(jobs)) return { jobs: jobs.filter(isJobHandle) }
  return Array.isArray(ids) ? { jobs: ids.map((id) => ({ id: String(id) })) } : {}
}

/** The error for a spool without a head: its process died before it was written, or the disk lost it. */
function unreadable(): ProviderFailure {
  return new ProviderFailure({
    certainty: 'UNKNOWN',
    reason: 'UPSTREAM_OUTCOME_UNKNOWN',
    upstreamCode: 'SPOOL',
  })
}
