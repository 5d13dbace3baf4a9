import { useEffect, useState } from 'react'
import { useQuery } from 'urql'
import { type CostEstimateInput, EstimateCostDocument, type EstimateCostQuery } from '../generated/graphql.ts'
import { type Failure, failureOf } from '../graphql/failure.ts'

const debounceMs = 300

export interface Estimate {
  /** The form is not complete, so no estimate was requested. */
  isIdle: boolean
  estimate: EstimateCostQuery['estimateCost'] | null
  failure: Failure | null
}

/** The estimated cost of the request, updated whenever typing pauses. */
export function useEstimate(input: CostEstimateInput | null): Estimate {
  const wanted = JSON.stringify(input)
  const settled = useDebounced(wanted)
  const variables = { input: JSON.parse(settled) as CostEstimateInput }
  const [{ data, error }] = useQuery({
    query: EstimateCostDocument,
    variables,
    pause: settled === 'null',
    requestPolicy: 'network-only',
  })
  if (settled === 'null') return { isIdle: true, estimate: null, failure: null }
  return {
    isIdle: false,
    estimate: error ? null : (data?.estimateCost ?? null),
    failure: error ? failureOf(error) : null,
  }
}

function useDebounced(value: string): string {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), debounceMs)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}
