import { formatBytes, labelOfValue } from '../controls/format.ts'
import { labelOfParameter } from '../controls/parameter-label.ts'
import { describeRetirement } from '../controls/retirement-text.ts'
import { SandboxBadge } from '../controls/sandbox-badge.tsx'
import type { FormParameterFragment, ModelCatalogueQuery } from '../generated/graphql.ts'
import { kindLabels } from '../operations/operation-text.ts'
import { ModelPrices } from './model-prices.tsx'

export type CatalogueModel = ModelCatalogueQuery['models'][number]

export function ModelCard({ model }: { model: CatalogueModel }) {
  const { id, description, sandbox, retirement, operations, unsupported } = model
  return (
    <article className="card" aria-labelledby={`model-${id}`}>
      <header className="card-head">
        <h2 id={`model-${id}`}>{id}</h2>
        <p className="facts">
          {sandbox && <SandboxBadge />}
          <span className="muted">{description}</span>
        </p>
        {retirement && <p className="small warning-text">{describeRetirement(retirement)}</p>}
      </header>
      <div className="columns">
        {operations.map((operation) => (
          <OperationLimits key={operation.kind} operation={operation} />
        ))}
        <ModelPrices model={model} />
      </div>
      {unsupported.map(({ kind, reason }) => (
        <p className="small muted" key={kind}>
          {kindLabels[kind]}: {reason}
        </p>
      ))}
    </article>
  )
}

function OperationLimits({ operation }: { operation: CatalogueModel['operations'][number] }) {
  const { kind, parameters, streaming, maxImageBytes, maxMaskBytes, squareImages } = operation
  const files = [
    maxImageBytes && `images under ${formatBytes(maxImageBytes)}`,
    maxMaskBytes && `mask under ${formatBytes(maxMaskBytes)}`,
    squareImages && 'square images only',
    streaming && 'partial images',
  ].filter(Boolean)
  return (
    <section>
      <h3>{kindLabels[kind]}</h3>
      {files.length > 0 && <p className="small muted">With {files.join(', ')}</p>}
      <dl className="pairs">
        {parameters.map((parameter) => (
          <div key={parameter.name}>
            <dt>{labelOfParameter(parameter.name)}</dt>
            <dd>{describeParameter(parameter)}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function describeParameter({ type, values, min, max, required }: FormParameterFragment): string {
  const bounds = max === null ? '' : min === null || type === 'STRING' ? `up to ${max}` : `${min} to ${max}`
  const choices = values.map(labelOfValue).join(', ')
  return [required && 'required', bounds, choices].filter(Boolean).join('; ') || 'free'
}
