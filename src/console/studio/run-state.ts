import type { OperationKind, OperationRunFragment, OperationStatus } from '../generated/graphql.ts'
import type { Failure } from '../graphql/failure.ts'
import type { ImageEvent, StatusEvent } from '../graphql/follow-operation.ts'

/**
 * A run as the Studio shows it. idle → sending (until the gateway has answered) → following → done; a refusal or a
 * stopped upload goes back to idle. A page that opens on an operation starts with following: the events are told again.
 */
export interface RunState {
  phase: 'idle' | 'sending' | 'following' | 'done'
  kind: OperationKind | null
  operationId: string | null
  /** How much of the upload has gone out; null when there is nothing to wait for. */
  progress: { sentBytes: number; totalBytes: number } | null
  connected: boolean
  startedAt: number | null
  status: OperationStatus | null
  stage: string | null
  operation: OperationRunFragment | null
  /** By sequence, so that a repeated event changes nothing. */
  images: ReadonlyMap<number, ImageEvent>
  /** Why the gateway refused the request, or why its events cannot be followed. */
  failure: Failure | null
}

export const idleRun: RunState = {
  phase: 'idle',
  kind: null,
  operationId: null,
  progress: null,
  connected: true,
  startedAt: null,
  status: null,
  stage: null,
  operation: null,
  images: new Map(),
  failure: null,
}

export type RunChange =
  | { type: 'send'; kind: OperationKind; startedAt: number }
  | { type: 'progress'; sentBytes: number; totalBytes: number }
  | { type: 'connected'; connected: boolean }
  | { type: 'follow'; operationId: string }
  | { type: 'status'; event: StatusEvent }
  | { type: 'operation'; operation: OperationRunFragment }
  | { type: 'image'; event: ImageEvent }
  | { type: 'done' }
  | { type: 'fail'; failure: Failure }
  | { type: 'clear' }

export function changeRun(run: RunState, change: RunChange): RunState {
  switch (change.type) {
    case 'send':
      return { ...idleRun, phase: 'sending', kind: change.kind, startedAt: change.startedAt }
    case 'progress':
      return { ...run, progress: { sentBytes: change.sentBytes, totalBytes: change.totalBytes } }
    case 'connected':
      return { ...run, connected: change.connected }
    case 'follow':
      return run.operationId === change.operationId
        ? { ...run, phase: run.operation?.done ? 'done' : 'following' }
        : {
            ...(run.phase === 'sending' ? startOf(run) : idleRun),
            phase: 'following',
            operationId: change.operationId,
          }
    case 'status': {
      const { status, stage, operation } = change.event
      return { ...withOperation(run, operation), status: operation.done ? operation.status : status, stage }
    }
    case 'operation':
      return { ...withOperation(run, change.operation), status: change.operation.status }
    case 'image':
      return { ...run, images: new Map(run.images).set(change.event.sequence, change.event) }
    case 'done':
      return { ...run, phase: 'done', connected: true }
    case 'fail':
      return { ...run, phase: 'idle', connected: true, progress: null, failure: change.failure }
    case 'clear':
      return idleRun
  }
}

/** The clock starts when the button is pressed. */
function startOf({ kind, startedAt }: RunState): RunState {
  return { ...idleRun, kind, startedAt }
}

/** Whether a run is under way that the next request would replace. */
export function isBusy({ phase, operation }: RunState): boolean {
  return phase === 'sending' || (phase === 'following' && !operation?.done)
}

function withOperation(run: RunState, operation: OperationRunFragment): RunState {
  return { ...run, operation, kind: operation.kind, startedAt: Date.parse(operation.createdAt) }
}
