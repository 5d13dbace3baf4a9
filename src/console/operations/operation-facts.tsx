import { formatCount, formatMoment, formatMoney } from '../controls/format.ts'
import type { OperationDetail } from './operation-detail.ts'

type Fact = [label: string, value: string | number | null | undefined]

export function OperationFacts({ operation }: { operation: OperationDetail }) {
  const facts = [...factsOfRun(operation), ...factsOfResult(operation)]
  const shown = facts.filter(([, value]) => value !== null && value !== undefined && value !== '')
  return (
    <section className="card" aria-labelledby="facts">
      <h2 id="facts">How it went</h2>
      <dl className="pairs">
        {shown.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function factsOfRun({ id, metadata }: OperationDetail): Fact[] {
  return [
    ['Operation', id],
    ['Queued', formatMoment(metadata.queuedAt)],
    ['Started', metadata.startedAt && formatMoment(metadata.startedAt)],
    ['Finished', metadata.finishedAt && formatMoment(metadata.finishedAt)],
    ['Calls of the provider', metadata.attempts],
    ['Partial images', metadata.partialImages],
    ['Provider’s request', metadata.upstreamRequestIds.join(', ')],
    ['Provider’s operation', metadata.upstreamOperationIds.join(', ')],
  ]
}

function factsOfResult({ response, error }: OperationDetail): Fact[] {
  const details = error?.details.length ? JSON.stringify(error.details) : null
  if (!response) return [['Details of the error', details]]
  const { usage, size, quality, outputFormat, background, modelVersion } = response
  return [
    ['Size', size],
    ['Quality', quality],
    ['Format', outputFormat],
    ['Background', background],
    ['Model version', modelVersion],
    ['Input tokens', usage && splitTokens(usage.inputTokens, usage.inputTokensDetails)],
    ['Output tokens', usage && splitTokens(usage.outputTokens, usage.outputTokensDetails)],
    ['Cost', usage?.cost && formatMoney(usage.cost)],
  ]
}

function splitTokens(total: number, details: { textTokens: number; imageTokens: number } | null): string {
  if (!details) return formatCount(total)
  return `${formatCount(total)} (text ${formatCount(details.textTokens)}, images ${formatCount(details.imageTokens)})`
}
