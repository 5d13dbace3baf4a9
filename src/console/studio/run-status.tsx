import { Label } from 'react-aria-components/Label'
import { ProgressBar } from 'react-aria-components/ProgressBar'
import { Button } from '../controls/button.tsx'
import { formatBytes } from '../controls/format.ts'
import { StatusBadge } from '../controls/status-badge.tsx'
import { ElapsedTime } from './elapsed-time.tsx'
import type { RunState } from './run-state.ts'
import type { Run } from './use-run.ts'

const stageTexts: Record<string, string> = {
  QUEUED: 'Waiting for its turn',
  CALLING_PROVIDER: 'The model is at work',
  RECEIVING: 'The image is coming in',
  WAITING_TO_RETRY: 'The provider asked to wait before another try',
  WAITING_FOR_REPLICA: 'The server that has the reply is away: waiting for it',
  WAITING_FOR_STORAGE: 'The storage of images is away: waiting before anything is paid for',
  RECONCILING: 'Asking the provider what became of it',
}

/** The state of the run in one line, shown as long as it goes on. */
export function RunStatus({ run: { state, cancel, stop } }: { run: Run }) {
  const { phase, status, startedAt, operation, connected } = state
  const finishedAt = operation?.metadata.finishedAt
  const end = finishedAt ? Date.parse(finishedAt) : phase === 'idle' ? startedAt : null
  const isCancelling = operation?.metadata.cancelRequestedAt != null
  return (
    <div className="run-status">
      <div className="run-line">
        {status && <StatusBadge status={status} />}
        <span role="status">{textOf(state)}</span>
        {startedAt !== null && <ElapsedTime from={startedAt} to={end} />}
        {!connected && <span className="badge reconnecting">Reconnecting…</span>}
        {phase === 'following' && !operation?.done && (
          <Button onPress={cancel} isDisabled={isCancelling}>
            {isCancelling ? 'Cancelling…' : 'Cancel'}
          </Button>
        )}
        {phase === 'sending' && !isUploaded(state) && <Button onPress={stop}>Stop</Button>}
      </div>
      {phase === 'sending' && state.progress && <UploadProgress progress={state.progress} />}
    </div>
  )
}

function textOf({ phase, stage, progress, operation }: RunState): string {
  if (phase === 'sending')
    return progress && progress.sentBytes < progress.totalBytes ? 'Uploading' : 'Sending'
  if (phase === 'done' || operation?.done) return ''
  return (stage && stageTexts[stage]) ?? 'Starting'
}

/** Once all bytes are sent the gateway may have accepted the request, and a stop would leave a paid image unseen. */
function isUploaded({ progress }: RunState): boolean {
  return progress !== null && progress.sentBytes >= progress.totalBytes
}

function UploadProgress({
  progress: { sentBytes, totalBytes },
}: {
  progress: NonNullable<RunState['progress']>
}) {
  const percent = totalBytes > 0 ? (sentBytes / totalBytes) * 100 : 0
  return (
    <ProgressBar className="progress" value={percent}>
      <Label className="small muted">
        {formatBytes(sentBytes)} of {formatBytes(totalBytes)}
      </Label>
      <div className="progress-track">
        <div className="progress-fill" style={{ width: `${percent}%` }} />
      </div>
    </ProgressBar>
  )
}
