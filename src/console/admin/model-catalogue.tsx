import { useQuery } from 'urql'
import { FailureNotice } from '../controls/notice.tsx'
import { ModelCatalogueDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { ModelCard } from './model-card.tsx'

export function ModelCatalogue() {
  const [{ data, error }] = useQuery({ query: ModelCatalogueDocument })
  return (
    <div className="stack">
      {error && <FailureNotice failure={failureOf(error)} />}
      {data?.models.map((model) => (
        <ModelCard key={model.id} model={model} />
      ))}
    </div>
  )
}
