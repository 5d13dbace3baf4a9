export const operationKinds = ['GENERATE', 'EDIT', 'VARIATION'] as const

export type OperationKind = (typeof operationKinds)[number]
