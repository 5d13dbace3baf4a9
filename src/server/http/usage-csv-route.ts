import type { Viewer } from '../../accounts/viewer.ts'
import { plainIdOf } from '../../schema/global-id.ts'
import { report } from '../../schema/rate-points.ts'
import { checkTexts } from '../graphql/text-check.ts'
import type { AuthenticatedRoute } from './http-routes.ts'

type Parameters = Record<string, string>

/** `GET /usage.csv?from=…&to=…&groupBy=DAY,MODEL`: the report of `Query.usage`, with the same rights. */
export function createUsageCsvRoute(
  streamCsv: (viewer: Viewer, parameters: Parameters) => AsyncGenerator<string>,
): AuthenticatedRoute {
  return {
    method: 'GET',
    path: '/usage.csv',
    points: report.ratePoints,
    handle: async (request, viewer) => {
      const lines = streamCsv(viewer, readParameters(new URL(request.url)))
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

/** `userId` may be the id that GraphQL shows, or the plain one of the file's own column. */
function readParameters({ searchParams }: URL): Parameters {
  const parameters = Object.fromEntries(searchParams)
  checkTexts(parameters)
  const { userId } = parameters
  return userId === undefined ? parameters : { ...parameters, userId: plainIdOf('User', userId) ?? userId }
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
