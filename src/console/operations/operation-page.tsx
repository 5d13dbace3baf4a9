import { useQuery } from 'urql'
import { Button } from '../controls/button.tsx'
import { formatMoment } from '../controls/format.ts'
import { FailureNotice, Notice } from '../controls/notice.tsx'
import { StatusBadge } from '../controls/status-badge.tsx'
import { CancelOperationDocument, OperationPageDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { useConnection } from '../graphql/gateway-context.ts'
import { hrefOf, navigate } from '../routing/location.ts'
import { ElapsedTime } from '../studio/elapsed-time.tsx'
import { RunResult } from '../studio/run-result.tsx'
import { DeleteOperation } from './delete-operation.tsx'
import type { OperationDetail } from './operation-detail.ts'
import { OperationEvents } from './operation-events.tsx'
import { OperationFacts } from './operation-facts.tsx'
import { OperationInputs } from './operation-inputs.tsx'
import { OperationLineage } from './operation-lineage.tsx'
import { kindLabels, titleOf } from './operation-text.ts'

export function OperationPage({ id }: { id: string }) {
  const [{ data, error }, ask] = useQuery({
    query: OperationPageDocument,
    variables: { id },
    requestPolicy: 'cache-and-network',
  })
  const operation = data?.operation
  return (
    <div className="page">
      <p className="small">
        <a href={hrefOf(['operations'])}>Operations</a>
      </p>
      {error && <FailureNotice failure={failureOf(error)} />}
      {data && !operation && (
        <Notice tone="warning" title="There is no such operation, or it is not yours to see." />
      )}
      {operation && (
        <>
          <OperationHead operation={operation} onDeleted={() => ask({ requestPolicy: 'network-only' })} />
          <OperationBody operation={operation} />
          <OperationEvents operationId={id} onChange={() => ask({ requestPolicy: 'network-only' })} />
        </>
      )}
    </div>
  )
}

function OperationHead({ operation, onDeleted }: { operation: OperationDetail; onDeleted(): void }) {
  const { gateway } = useConnection()
  const { id, kind, status, done, createdAt, createdBy, metadata } = operation
  const end = metadata.finishedAt ? Date.parse(metadata.finishedAt) : null
  return (
    <header className="page-head">
      <h1>{titleOf(operation)}</h1>
      <p className="facts">
        <StatusBadge status={status} />
        <span>{kindLabels[kind]}</span>
        <span>
          {metadata.provider}/{metadata.model}
        </span>
        <ElapsedTime from={Date.parse(createdAt)} to={end} />
        <span className="muted">
          {createdBy.name}, {formatMoment(createdAt)}
        </span>
      </p>
      <div className="head-actions">
        <Button onPress={() => navigate(hrefOf(['studio'], done ? { again: id } : { operation: id }))}>
          {done ? 'Use again' : 'Watch in the Studio'}
        </Button>
        {!done && (
          <Button
            isDisabled={metadata.cancelRequestedAt !== null}
            onPress={() => gateway.client.mutation(CancelOperationDocument, { id }).toPromise()}
          >
            {metadata.cancelRequestedAt === null ? 'Cancel' : 'Cancelling…'}
          </Button>
        )}
        {done && <DeleteOperation id={id} onDeleted={onDeleted} />}
      </div>
    </header>
  )
}

function OperationBody({ operation }: { operation: OperationDetail }) {
  const [before = null] = operation.input.images
  const startFrom = (name: 'edit' | 'vary') => (image: { id: string }) =>
    navigate(hrefOf(['studio'], { [name]: image.id }))
  return (
    <>
      {operation.done && (
        <section aria-label="Result">
          <RunResult
            operation={operation}
            hasLink={false}
            before={before}
            onEdit={startFrom('edit')}
            onVary={startFrom('vary')}
          />
        </section>
      )}
      <div className="columns">
        <OperationInputs operation={operation} />
        <OperationFacts operation={operation} />
      </div>
      <OperationLineage operation={operation} />
    </>
  )
}
