import { Picture, shapeOf } from '../controls/picture.tsx'
import type { ImageEvent } from '../graphql/follow-operation.ts'
import type { RunState } from './run-state.ts'

type PartialEvent = Extract<ImageEvent, { __typename: 'PartialImageEvent' }>

/** The newest state of the image over the one before it, so that nothing flickers while a file loads. */
export function RunFrames({ run }: { run: RunState }) {
  const partials = partialsOf(run)
  const newest = partials.at(-1)
  if (!newest) return <div className="frames-waiting" aria-hidden="true" />
  return (
    <div className="frames" style={shapeOf(newest.image)}>
      {partials.slice(-2).map(({ sequence, image, partialImageIndex }) => (
        <Picture key={sequence} image={image} alt={`Partial image ${partialImageIndex + 1}`} />
      ))}
      <span className="frames-count badge">Partial {partials.length}</span>
    </div>
  )
}

export function partialsOf({ images }: RunState): PartialEvent[] {
  const events = [...images.values()].toSorted((a, b) => a.sequence - b.sequence)
  return events.filter((event): event is PartialEvent => event.__typename === 'PartialImageEvent')
}
