import { labelOfValue } from '../controls/format.ts'
import { labelOfParameter } from '../controls/parameter-label.ts'
import { Picture } from '../controls/picture.tsx'
import type { OperationDetail } from './operation-detail.ts'

/** Fields that are left out of the list: they are shown elsewhere, or are of no use to a reader. */
const left = ['prompt', 'messages', 'images', 'mask', 'stream', '__typename']

export function OperationInputs({ operation: { input } }: { operation: OperationDetail }) {
  const { prompt, messages, images, mask } = input
  const values = Object.entries(input).filter(([name, value]) => !left.includes(name) && value !== null)
  return (
    <section className="card" aria-labelledby="inputs">
      <h2 id="inputs">What was asked</h2>
      {prompt && <p className="prompt">{prompt}</p>}
      {messages?.map(({ text, weight }) => (
        <p className="prompt" key={text}>
          {text} {weight !== null && <span className="muted">× {weight}</span>}
        </p>
      ))}
      <div className="input-images">
        {images.map((image, at) => (
          <figure key={image.id}>
            <Picture image={image} alt={`Source ${at + 1}`} isThumbnail />
            <figcaption className="muted small">Source {images.length > 1 ? at + 1 : ''}</figcaption>
          </figure>
        ))}
        {mask && (
          <figure>
            <Picture image={mask} alt="Mask: transparent where to edit" isThumbnail />
            <figcaption className="muted small">Mask</figcaption>
          </figure>
        )}
      </div>
      <dl className="pairs">
        {values.map(([name, value]) => (
          <div key={name}>
            <dt>{labelOfParameter(name)}</dt>
            <dd>{showValue(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function showValue(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'widthRatio' in value && 'heightRatio' in value) {
    return `${value.widthRatio} : ${value.heightRatio}`
  }
  return labelOfValue(String(value))
}
