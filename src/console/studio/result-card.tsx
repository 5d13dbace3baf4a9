import { useState } from 'react'
import { Button } from '../controls/button.tsx'
import { formatBytes } from '../controls/format.ts'
import { Icon } from '../controls/icon.tsx'
import { onThisOrigin, Picture } from '../controls/picture.tsx'
import { Segments } from '../controls/segments.tsx'
import type { ImageCardFragment } from '../generated/graphql.ts'
import { CompareSlider } from './compare-slider.tsx'

interface ResultCardProps {
  image: ImageCardFragment
  /** The source image, for comparing. */
  before: ImageCardFragment | null
  title: string
  onEdit?(): void
  onVary?(): void
}

type View = 'result' | 'compare'

const views: { id: View; label: string }[] = [
  { id: 'result', label: 'Result' },
  { id: 'compare', label: 'Compare' },
]

export function ResultCard({ image, before, title, onEdit, onVary }: ResultCardProps) {
  const [view, setView] = useState<View>('result')
  return (
    <figure className="result">
      {before && view === 'compare' ? (
        <CompareSlider before={before} after={image} />
      ) : (
        <Picture image={image} alt={title} />
      )}
      <figcaption>
        <div className="result-actions">
          {before && (
            <Segments
              label="View"
              choices={views}
              value={view}
              onChange={(next: View) => setView(next)}
              size="small"
            />
          )}
          {onEdit && (
            <Button variant="quiet" icon="brush" onPress={onEdit}>
              Edit this
            </Button>
          )}
          {onVary && (
            <Button variant="quiet" icon="wand" onPress={onVary}>
              Vary this
            </Button>
          )}
          <a
            className="button"
            data-variant="quiet"
            href={onThisOrigin(image.url)}
            download={fileName(image)}
          >
            <Icon name="download" />
            <span>Download</span>
          </a>
        </div>
        <p className="muted small">
          {image.width} × {image.height}, {formatOf(image).toUpperCase()}, {formatBytes(image.byteSize)}
        </p>
        {image.revisedPrompt && <p className="small">The model read: “{image.revisedPrompt}”</p>}
      </figcaption>
    </figure>
  )
}

function fileName({ id, mimeType }: ImageCardFragment): string {
  const end = id.replace(/\W/g, '').slice(-8)
  const format = formatOf({ mimeType }).replace('jpeg', 'jpg').replace('apng', 'png')
  return `easel-${end}.${format}`
}

function formatOf({ mimeType }: Pick<ImageCardFragment, 'mimeType'>): string {
  return mimeType.replace('image/', '').replace('+xml', '')
}
