import { formatCount, formatMoment, formatMoney } from '../controls/format.ts'
import { Notice } from '../controls/notice.tsx'
import type { ImageCardFragment, OperationRunFragment } from '../generated/graphql.ts'
import { OperationFailure } from '../operations/operation-failure.tsx'
import { hrefOf } from '../routing/location.ts'
import { ResultCard } from './result-card.tsx'

interface RunResultProps {
  operation: OperationRunFragment
  before: ImageCardFragment | null
  onEdit?: ((image: ImageCardFragment) => void) | undefined
  onVary?: ((image: ImageCardFragment) => void) | undefined
  /** Whether to show a link to the operation; false on the operation's own page. */
  hasLink?: boolean
}

/** The result of a finished run: its images and cost, or the reason why there are none. */
export function RunResult({ operation, before, onEdit, onVary, hasLink = true }: RunResultProps) {
  const { error, response, imagesDeletedAt } = operation
  const images = response?.data ?? []
  return (
    <div className="run-result">
      {error && <OperationFailure error={error} />}
      {response && imagesDeletedAt && (
        <Notice tone="info" title={`Its images were removed on ${formatMoment(imagesDeletedAt)}.`}>
          <p>
            They were deleted, or the time for which this gateway keeps images was over. What it cost stays in
            the books.
          </p>
        </Notice>
      )}
      <div className="results" data-count={images.length}>
        {images.map((image, at) => (
          <ResultCard
            key={image.id}
            image={image}
            before={before}
            title={images.length === 1 ? 'Result' : `Result ${at + 1} of ${images.length}`}
            {...(onEdit ? { onEdit: () => onEdit(image) } : {})}
            {...(onVary ? { onVary: () => onVary(image) } : {})}
          />
        ))}
      </div>
      {response?.failures.map(({ index, error: failure }) => (
        <OperationFailure key={index} error={failure} title={`Image ${index + 1} was not made`} />
      ))}
      <CostLine operation={operation} hasLink={hasLink} />
    </div>
  )
}

function CostLine({ operation, hasLink }: { operation: OperationRunFragment; hasLink: boolean }) {
  const { id, response, metadata } = operation
  const usage = response?.usage
  return (
    <p className="facts muted small">
      <span>
        {metadata.provider}/{metadata.model}
      </span>
      {usage && (
        <span>
          {formatCount(usage.totalTokens)} tokens{usage.estimated ? ', estimated' : ''}
        </span>
      )}
      {usage?.cost && <span>{formatMoney(usage.cost)}</span>}
      {hasLink && <a href={hrefOf(['operations', id])}>All about this operation</a>}
    </p>
  )
}
