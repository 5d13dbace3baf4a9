import { useCallback, useEffect, useReducer, useRef, useState } from 'react'
import { CancelOperationDocument } from '../generated/graphql.ts'
import { describeFailure, FailureError, failureOf } from '../graphql/failure.ts'
import { followOperation } from '../graphql/follow-operation.ts'
import { useConnection } from '../graphql/gateway-context.ts'
import { useIsVisible } from '../graphql/use-is-visible.ts'
import { hrefOf, replaceLocation } from '../routing/location.ts'
import { createPendingRequests, type PendingRequests } from './pending-request.ts'
import type { StudioRequest } from './request-input.ts'
import { changeRun, idleRun, type RunChange, type RunState } from './run-state.ts'
import { submitRequest } from './submit-request.ts'

export interface Run {
  state: RunState
  send(request: StudioRequest): void
  /** Stops an upload that is under way; `cancel` is for an operation that was accepted. */
  stop(): void
  cancel(): void
  clear(): void
}

/** The run of the operation in the address, and the way to start another. */
export function useRun(operationId: string | null): Run {
  const { gateway } = useConnection()
  const [state, change] = useReducer(changeRun, idleRun)
  const [pending] = useState(() => createPendingRequests(sessionStorage))
  const { send, stop } = useSending(pending, change)
  useFollowing(operationId, change)

  useEffect(() => {
    if (!operationId && !pending.pendingId()) change({ type: 'clear' })
  }, [operationId, pending])

  const cancel = useCallback(async () => {
    if (!operationId) return
    const { data, error } = await gateway.client.mutation(CancelOperationDocument, { id: operationId })
    if (data) change({ type: 'operation', operation: data.cancelOperation })
    if (error) change({ type: 'connected', connected: !failureOf(error).isNetwork })
  }, [gateway, operationId])

  const clear = useCallback(() => {
    change({ type: 'clear' })
    replaceLocation(hrefOf(['studio']))
  }, [])

  return { state, send, stop, cancel, clear }
}

function useSending(pending: PendingRequests, change: (change: RunChange) => void) {
  const { gateway } = useConnection()
  const upload = useRef<AbortController | null>(null)

  const send = useCallback(
    async (request: StudioRequest) => {
      upload.current?.abort()
      const control = new AbortController()
      upload.current = control
      change({ type: 'send', kind: request.kind, startedAt: Date.now() })
      try {
        const kept = pending.keep(request)
        replaceLocation(hrefOf(['studio']))
        await kept
        const id = await submitRequest({
          client: gateway.client,
          request,
          onProgress: (sentBytes, totalBytes) => change({ type: 'progress', sentBytes, totalBytes }),
          onWaiting: (waiting) => change({ type: 'connected', connected: !waiting }),
          signal: control.signal,
        })
        await pending.forget()
        replaceLocation(hrefOf(['studio'], { operation: id }))
      } catch (error) {
        if (control.signal.aborted) return
        await pending.forget()
        change({ type: 'fail', failure: failureFrom(error) })
      }
    },
    [gateway, pending, change],
  )

  const stop = useCallback(() => {
    upload.current?.abort()
    pending.forget()
    change({ type: 'clear' })
  }, [pending, change])

  useEffect(() => {
    resumePending(pending, send, change)
    // Leaving the page is no reason to forget the request: the next visit sends it again.
    return () => upload.current?.abort()
  }, [pending, send, change])

  return { send, stop }
}

async function resumePending(
  pending: PendingRequests,
  send: (request: StudioRequest) => void,
  change: (change: RunChange) => void,
): Promise<void> {
  const requestId = pending.pendingId()
  if (!requestId) return
  const request = await pending.load(requestId)
  if (request) return send(request)
  await pending.forget()
  const message =
    'A request was on its way when the page was left, and its files are gone. See under Operations whether it arrived.'
  change({ type: 'fail', failure: describeFailure({ message, extensions: { code: 'REQUEST_LOST' } }) })
}

function useFollowing(operationId: string | null, change: (change: RunChange) => void): void {
  const { gateway, session } = useConnection()
  // A browser opens at most six connections to one host. A hidden tab leaves them to the others.
  const isVisible = useIsVisible()
  useEffect(() => {
    if (!operationId || !isVisible) return
    const control = new AbortController()
    change({ type: 'follow', operationId })
    followOperation({
      events: gateway.events,
      operationId,
      onStatus: (event) => change({ type: 'status', event }),
      onImage: (event) => change({ type: 'image', event }),
      onConnected: (connected) => change({ type: 'connected', connected }),
      signal: control.signal,
    }).then(
      () => control.signal.aborted || change({ type: 'done' }),
      (error) => {
        if (control.signal.aborted) return
        const failure = failureFrom(error)
        if (failure.code === 'UNAUTHENTICATED' && session.key()) session.signOut()
        else change({ type: 'fail', failure })
      },
    )
    return () => control.abort()
  }, [gateway, session, operationId, isVisible, change])
}

function failureFrom(error: unknown) {
  if (error instanceof FailureError) return error.failure
  console.error(error)
  return describeFailure({ message: 'Something went wrong on this page. Its console says more.' })
}
