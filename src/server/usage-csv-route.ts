import { z } from 'zod'
import { EaselError } from '../errors.ts'
import type { ServerViewer } from './exchange.ts'
import type { AuthenticatedRoute } from './http-routes.ts'

const dimensions = ['USER', 'END_USER', 'PROVIDER', 'MODEL', 'KIND', 'HOUR', 'DAY', 'MONTH'] as const

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text))

const parameters = z.strictObject({
  from: moment,
  to: moment,
  groupBy: z
    .string()
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(z.enum(dimensions)))
    .default([]),
  user: z.uuid().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
})

export interface CsvReportRequest {
  from: Date
  to: Date
  groupBy: readonly (typeof dimensions)[number][]
  filter: { userIds: string[] | null; provider: string | null; model: string | null }
}

/** `GET /usage.csv?from=…&to=…&groupBy=DAY,MODEL`: the report of `Query.usage`, with the same rights. */
export function createUsageCsvRoute<V extends ServerViewer>(
  streamCsv: (request: CsvReportRequest) => AsyncGenerator<string>,
): AuthenticatedRoute<V> {
  return {
    method: 'GET',
    path: '/usage.csv',
    handle: async (request, viewer) => {
      const { from, to, groupBy, user, provider, model } = readParameters(new URL(request.url))
      if (viewer.role !== 'ADMIN' && user !== undefined && user !== viewer.userId) {
        throw new EaselError('FORBIDDEN', 'You may see your own usage only.', { field: 'user' })
      }
      const asked = user === undefined ? null : [user]
      const userIds = viewer.role === 'ADMIN' ? asked : [viewer.userId]
      const filter = { userIds, provider: provider ?? null, model: model ?? null }
      const lines = streamCsv({ from, to, groupBy, filter })
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
