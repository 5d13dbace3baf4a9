import { useQuery } from 'urql'
import { Picture } from '../controls/picture.tsx'
import { OperationAncestorDocument } from '../generated/graphql.ts'
import { hrefOf } from '../routing/location.ts'
import type { OperationDetail } from './operation-detail.ts'
import { kindLabels, titleOf } from './operation-text.ts'

/** The most steps of a chain of edits that a page loads. */
const maxDepth = 12

/** The operations that made the source images of this one, and the sources of those. */
export function OperationLineage({ operation }: { operation: OperationDetail }) {
  const parents = parentsOf(operation)
  if (parents.length === 0) return null
  return (
    <section className="card" aria-labelledby="lineage">
      <h2 id="lineage">Where it came from</h2>
      <LineageLevel ids={parents} depth={1} />
    </section>
  )
}

function LineageLevel({ ids, depth }: { ids: string[]; depth: number }) {
  return (
    <ol className="lineage">
      {ids.map((id) => (
        <LineageStep key={id} id={id} depth={depth} />
      ))}
    </ol>
  )
}

function LineageStep({ id, depth }: { id: string; depth: number }) {
  const [{ data }] = useQuery({ query: OperationAncestorDocument, variables: { id } })
  const operation = data?.operation
  if (!operation) return null
  const parents = parentsOf(operation)
  const [first] = operation.response?.data ?? []
  return (
    <li>
      <a className="lineage-step" href={hrefOf(['operations', id])}>
        {first && <Picture image={first} alt="" isThumbnail />}
        <span>{titleOf(operation)}</span>
        <span className="muted small">
          {kindLabels[operation.kind]}, {operation.metadata.model}
        </span>
      </a>
      {parents.length > 0 && depth < maxDepth && <LineageLevel ids={parents} depth={depth + 1} />}
    </li>
  )
}

interface Derived {
  id: string
  input: { images: { operation: { id: string } | null }[] }
}

/** A file that was uploaded for the operation names that operation itself. */
function parentsOf({ id, input }: Derived): string[] {
  const ids = input.images.flatMap(({ operation }) =>
    operation && operation.id !== id ? [operation.id] : [],
  )
  return [...new Set(ids)]
}
