import { useEffect, useRef, useState } from 'react'
import { FailureNotice } from '../controls/notice.tsx'
import { Picture } from '../controls/picture.tsx'
import { type Failure, FailureError } from '../graphql/failure.ts'
import { followOperation, type ImageEvent, type StatusEvent } from '../graphql/follow-operation.ts'
import { useConnection } from '../graphql/gateway-context.ts'
import { useIsVisible } from '../graphql/use-is-visible.ts'

interface EventRow {
  status: StatusEvent | null
  image: ImageEvent | null
}

type Rows = ReadonlyMap<number, EventRow>

/** All events of the operation, as subscribers received them. */
export function OperationEvents({ operationId, onChange }: { operationId: string; onChange(): void }) {
  const { rows, connected, failure } = useEvents(operationId, onChange)
  const sorted = [...rows].toSorted(([a], [b]) => a - b)
  return (
    <section className="card" aria-labelledby="events">
      <h2 id="events">Events</h2>
      {!connected && <span className="badge reconnecting">Reconnecting…</span>}
      {failure && <FailureNotice failure={failure} />}
      <ol className="events">
        {sorted.map(([sequence, { status, image }]) => (
          <li key={sequence}>
            <span className="muted sequence">{sequence}</span>
            <span className="event-text">
              <span>{image ? image.type : (status?.stage ?? '')}</span>
              {image && (
                <span className="muted small">
                  {new Date(image.createdAt * 1000).toLocaleTimeString('en')}
                </span>
              )}
            </span>
            {image && 'image' in image && (
              <Picture image={image.image} alt={`Image of event ${sequence}`} isThumbnail />
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}

function useEvents(operationId: string, onChange: () => void) {
  const { gateway } = useConnection()
  const isVisible = useIsVisible()
  const [rows, setRows] = useState<Rows>(new Map())
  const [connected, setConnected] = useState(true)
  const [failure, setFailure] = useState<Failure | null>(null)
  const changed = useRef(onChange)
  useEffect(() => {
    changed.current = onChange
  })
  useEffect(() => {
    if (!isVisible) return
    const control = new AbortController()
    const add = (sequence: number, row: Partial<EventRow>) =>
      setRows((old) =>
        new Map(old).set(sequence, { status: null, image: null, ...old.get(sequence), ...row }),
      )
    followOperation({
      events: gateway.events,
      operationId,
      onStatus: (status) => {
        add(status.sequence, { status })
        changed.current()
      },
      onImage: (image) => add(image.sequence, { image }),
      onConnected: setConnected,
      signal: control.signal,
    }).catch((error) => {
      if (error instanceof FailureError && !control.signal.aborted) setFailure(error.failure)
    })
    return () => control.abort()
  }, [gateway, operationId, isVisible])
  return { rows, connected, failure }
}
