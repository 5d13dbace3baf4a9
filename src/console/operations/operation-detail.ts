import type { OperationPageQuery } from '../generated/graphql.ts'

/** The operation of a page, as its query asks for it. */
export type OperationDetail = NonNullable<OperationPageQuery['operation']>
