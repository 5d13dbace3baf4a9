import { isRecord } from '../transport/is-record.ts'
import { JsonReader, type JsonReaderOptions } from '../transport/json-reader.ts'
import type { ReadContext } from './exchange.ts'
import type { ReplySpool, SpooledReply } from './spooled-reply.ts'

/*
 * The spool of jobs: after its head come the answers, in the order in which they came. Each is a mark, one line of
 * JSON that says which job was asked for and the status of the answer, and then the body.
 */

interface AnswerMark {
  index: number
  status: number
}

export interface SpooledAnswer extends AnswerMark {
  body: unknown
}

export async function writeAnswerMark(spool: ReplySpool, { index, status }: AnswerMark): Promise<void> {
  await spool.write(Buffer.from(`${JSON.stringify({ easelJob: index, status })}\n`))
}

/** A reader of answers; an image in one opens a sink. */
export function createAnswerReader<T>(
  imageKeys: readonly string[],
  { maxTextBytes, recorder }: Pick<JsonReaderOptions<T>, 'maxTextBytes' | 'recorder'>,
  openImage: JsonReaderOptions<T>['openImage'],
): JsonReader<T> {
  return new JsonReader<T>({ imageKeys, addressKeys: [], openImage, maxTextBytes, recorder })
}

/** An image in an answer has to be taken before the iteration ends. */
export async function* readSpooledAnswers<T>(
  reply: SpooledReply,
  imageKeys: readonly string[],
  context: ReadContext<T>,
): AsyncGenerator<SpooledAnswer> {
  const { request, openSink } = context
  let opened = 0
  const reader = createAnswerReader(imageKeys, context, () =>
    opened < request.n ? openSink({ index: opened++, partial: false }) : null,
  )
  let isRead = 0
  let mark: AnswerMark | null = null
  try {
    for await (const chunk of reply.body) {
      await reader.write(chunk)
      for (; isRead < reader.documents.length; isRead++) {
        const body = reader.documents[isRead]
        const found: AnswerMark | null = mark === null ? readMark(body) : null
        if (!found) yield { ...(mark ?? findUnmarked(body, reply, isRead)), body }
        mark = found
      }
    }
  } finally {
    await reader.discard(new Error('The reply is not whole'))
  }
}

function readMark(body: unknown): AnswerMark | null {
  if (!isRecord(body) || typeof body.easelJob !== 'number' || typeof body.status !== 'number') return null
  return { index: body.easelJob, status: body.status }
}

/** Answers that an earlier version spooled have no marks: they were all a 200 with the id of their job. */
function findUnmarked(body: unknown, { jobs = [] }: SpooledReply, position: number): AnswerMark {
  const id = isRecord(body) ? String(body.id) : ''
  const index = jobs.findIndex((job) => job.id === id)
  return { index: index === -1 ? position : index, status: 200 }
}
