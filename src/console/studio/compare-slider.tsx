import { useState } from 'react'
import { Slider, SliderThumb, SliderTrack } from 'react-aria-components/Slider'
import { Picture, shapeOf } from '../controls/picture.tsx'
import type { ImageCardFragment } from '../generated/graphql.ts'

/** The result over its source; the line between them can be dragged, or moved with the arrow keys. */
export function CompareSlider({ before, after }: { before: ImageCardFragment; after: ImageCardFragment }) {
  const [percent, setPercent] = useState(50)
  return (
    <div className="compare" style={shapeOf(after)}>
      <Picture image={before} alt="Before" fills />
      <div className="compare-after" style={{ clipPath: `inset(0 0 0 ${percent}%)` }}>
        <Picture image={after} alt="After" fills />
      </div>
      <Slider className="compare-slider" aria-label="Before and after" value={percent} onChange={setPercent}>
        <SliderTrack className="compare-track">
          <SliderThumb className="compare-thumb" />
        </SliderTrack>
      </Slider>
    </div>
  )
}
