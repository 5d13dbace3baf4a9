import { useQuery } from 'urql'
import { FailureNotice, Notice } from '../controls/notice.tsx'
import { StudioModelsDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { Studio } from './studio.tsx'

export function StudioPage({ params }: { params: URLSearchParams }) {
  const [{ data, error }] = useQuery({ query: StudioModelsDocument })
  return (
    <div className="page studio-page">
      <h1 className="visually-hidden">Studio</h1>
      {error && <FailureNotice failure={failureOf(error)} />}
      {data?.models.length === 0 && (
        <Notice tone="warning" title="No provider is set up, so there is no model to ask." />
      )}
      {data && data.models.length > 0 && <Studio models={data.models} params={params} />}
    </div>
  )
}
