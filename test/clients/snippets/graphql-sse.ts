import type { Client, RequestParams, Sink } from 'graphql-sse'

/** Subscribes over any number of cuts: graphql-sse connects again, and asks for what came after the last event. */
export function follow(events: Client, request: RequestParams, sink: Sink) {
  const variables = { ...request.variables }
  return events.subscribe<Record<string, { sequence: number }>>(
    { query: request.query, variables },
    {
      next: (result) => {
        for (const event of Object.values(result.data ?? {})) variables.after = event.sequence
        sink.next(result)
      },
      error: (error) => sink.error(error),
      complete: () => sink.complete(),
    },
  )
}
