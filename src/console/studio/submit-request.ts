import type { Client, OperationResult } from '@urql/core'
import { CreateVariationDocument, EditImageDocument, GenerateImageDocument } from '../generated/graphql.ts'
import { FailureError, failureOf } from '../graphql/failure.ts'
import { backoffMs, pause } from '../graphql/pause.ts'
import { createProgressFetch, type OnProgress } from '../graphql/progress-fetch.ts'
import type { StudioRequest } from './request-input.ts'

export interface SubmitOptions {
  client: Client
  request: StudioRequest
  onProgress: OnProgress
  /** Called when no answer came and the request will be sent again with the same `requestId`. */
  onWaiting(waiting: boolean): void
  signal: AbortSignal
}

/**
 * Sends a request until the gateway has answered it, and returns the operation's id. Without an answer the request may or
 * may not have arrived, so it is repeated unchanged; the gateway recognises it by its `requestId`.
 */
export async function submitRequest({
  client,
  request,
  onProgress,
  onWaiting,
  signal,
}: SubmitOptions): Promise<string> {
  const fetch = createProgressFetch(onProgress, signal)
  for (let attempt = 0; ; attempt++) {
    const result = await sendOnce(client, request, fetch)
    signal.throwIfAborted()
    if (!result.error) {
      const id = idOf(result.data)
      if (id) return id
    } else {
      const failure = failureOf(result.error)
      if (!failure.isNetwork && failure.code !== 'UNAVAILABLE') throw new FailureError(failure)
    }
    onWaiting(true)
    await pause(backoffMs(attempt), signal)
    onWaiting(false)
  }
}

async function sendOnce(
  client: Client,
  request: StudioRequest,
  fetchOnce: typeof fetch,
): Promise<OperationResult> {
  const context = { fetch: fetchOnce }
  switch (request.kind) {
    case 'GENERATE':
      return client.mutation(GenerateImageDocument, { input: request.input }, context)
    case 'EDIT':
      return client.mutation(EditImageDocument, { input: request.input }, context)
    case 'VARIATION':
      return client.mutation(CreateVariationDocument, { input: request.input }, context)
  }
}

function idOf(data: Record<string, { id: string }> | undefined): string | undefined {
  return Object.values(data ?? {})[0]?.id
}
