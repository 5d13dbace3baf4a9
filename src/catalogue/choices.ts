/** The choices that callers have, under their GraphQL names. Which of them a model takes is among its capabilities. */
export const qualities = ['AUTO', 'LOW', 'MEDIUM', 'HIGH', 'STANDARD', 'HD', 'XHIGH', 'MAX'] as const
export const backgrounds = ['AUTO', 'OPAQUE', 'TRANSPARENT'] as const
export const fidelities = ['LOW', 'HIGH'] as const
export const moderations = ['AUTO', 'LOW'] as const
export const formats = ['PNG', 'JPEG', 'WEBP'] as const
export const responseFormats = ['URL', 'B64_JSON'] as const

/** Formats with a compression to choose, and formats with transparency. */
export const lossyFormats = ['JPEG', 'WEBP']
export const transparentFormats = ['PNG', 'WEBP']
