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

export const usageKinds = ['GENERATE', 'EDIT', 'VARIATION'] as const
export type UsageKind = (typeof usageKinds)[number]

export interface UsageFilter {
  userIds?: readonly string[] | null
  endUser?: string | null
  provider?: string | null
  model?: string | null
  kind?: UsageKind | null
}

export interface ReportRequest {
  from: Date
  /** Not included. */
  to: Date
  /** Of several times the finest counts. */
  groupBy: readonly UsageDimension[]
  filter?: UsageFilter
}
