export const operationKinds = ['GENERATE', 'EDIT', 'VARIATION'] as const

export type OperationKind = (typeof operationKinds)[number]

/** The word of each kind in the configuration's default models. */
export const defaultWords = { GENERATE: 'generate', EDIT: 'edit', VARIATION: 'variation' } as const
