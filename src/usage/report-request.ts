import type { OperationKind } from '../catalogue/operation-kind.ts'

export const usageDimensions = [
  'USER',
  'END_USER',
  'PROVIDER',
  'MODEL',
  'KIND',
  'HOUR',
  'DAY',
  'MONTH',
] as const
export type UsageDimension = (typeof usageDimensions)[number]

export interface UsageFilter {
  userIds?: readonly string[] | null
  endUser?: string | null
  provider?: string | null
  model?: string | null
  kind?: OperationKind | null
}

export interface ReportRequest {
  from: Date
  /** Not included. */
  to: Date
  /** Of several units of time the finest counts. */
  groupBy: readonly UsageDimension[]
  filter?: UsageFilter
  /** Where its hours, days and months begin; the gateway's without it. */
  timeZone?: string | null
}
