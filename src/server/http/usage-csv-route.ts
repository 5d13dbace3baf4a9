import { z } from 'zod'
import type { Viewer } from '../../accounts/viewer.ts'
import { EaselError } from '../../errors.ts'
import { isText } from '../graphql/text-check.ts'
import type { AuthenticatedRoute } from './http-routes.ts'

const dimensions = ['USER', 'END_USER', 'PROVIDER', 'MODEL', 'KIND', 'HOUR', 'DAY', 'MONTH'] as const

const kinds = ['GENERATE', 'EDIT', 'VARIATION'] as const

/** As GraphQL shows it, or the plain one of the file's own column. */
const userId = z
  .string()
  .transform((id) => /^User:(.+)$/.exec(Buffer.from(id, 'base64url').toString())?.[1] ?? id)
  .pipe(z.uuid('This is not an id of a user.'))

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text))

const text = z.string().refine(isText, 'This is not a text.')

const parameters = z.strictObject({
  from: moment,
  to: moment,
  groupBy: z
    .string()
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(z.enum(dimensions)))
    .default([]),
  userId: userId.optional(),
  endUser: text.optional(),
  provider: text.optional(),
  model: text.optional(),
  kind: z.enum(kinds).optional(),
})

export interface CsvReportRequest {
  from: Date
  to: Date
  groupBy: readonly (typeof dimensions)[number][]
  filter: {
    userIds: string[] | null
    endUser: string | null
    provider: string | null
    model: string | null
    kind: (typeof kinds)[number] | null
  }
}

/** `GET /usage.csv?from=…&to=…&groupBy=DAY,MODEL`: the report of `Query.usage`, with the same rights. */
export function createUsageCsvRoute(
  streamCsv: (request: CsvReportRequest) => AsyncGenerator<string>,
): AuthenticatedRoute {
  return {
    method: 'GET',
    path: '/usage.csv',
    handle: async (request, viewer) => {
      const lines = streamCsv(toRequest(readParameters(new URL(request.url)), viewer))
      // The first piece is made before the answer begins, so that a refusal still has a status of its own.
      const first = await lines.next()
      return new Response(toBytes(first, lines), {
        headers: {
          'content-type': 'text/csv; charset=utf-8',
          'content-disposition': 'attachment; filename="usage.csv"',
          'cache-control': 'no-store',
        },
      })
    },
  }
}

function toRequest(asked: z.infer<typeof parameters>, viewer: Viewer): CsvReportRequest {
  const { from, to, groupBy, endUser = null, provider = null, model = null, kind = null } = asked
  const isAdmin = viewer.role === 'ADMIN'
  if (!isAdmin && asked.userId !== undefined && asked.userId !== viewer.userId) {
    throw new EaselError('FORBIDDEN', 'You may see your own usage only.', { field: 'userId' })
  }
  const users = asked.userId === undefined ? null : [asked.userId]
  const userIds = isAdmin ? users : [viewer.userId]
  return { from, to, groupBy, filter: { userIds, endUser, provider, model, kind } }
}

function readParameters(url: URL): z.infer<typeof parameters> {
  const result = parameters.safeParse(Object.fromEntries(url.searchParams))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new EaselError(
    'BAD_USER_INPUT',
    `${issue?.path.join('.') ?? 'query'}: ${issue?.message ?? 'not valid'}`,
    {
      field: issue?.path[0]?.toString() ?? 'query',
      hint: 'from and to are RFC 3339 times; groupBy is a list with commas',
      allowed: { groupBy: dimensions },
    },
  )
}

function toBytes(first: IteratorResult<string>, rest: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let next: IteratorResult<string> | null = first
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = next ?? (await rest.next())
      next = null
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    cancel: async () => {
      await rest.return(undefined)
    },
  })
}
