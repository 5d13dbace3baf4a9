export const filterNames = ['kind', 'status', 'model', 'user'] as const

export type FilterName = (typeof filterNames)[number]
export type FilterValues = Record<FilterName, string>
