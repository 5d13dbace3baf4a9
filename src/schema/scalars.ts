import { GraphQLError, Kind, type ValueNode } from 'graphql'
import { isSizeWord, parseSize } from '../catalogue/wire-size.ts'
import type { Upload } from '../operations/accept/operation-sources.ts'
import { builder } from './builder.ts'

const refuse = (message: string) => new GraphQLError(message)

builder.scalarType('Upload', {
  description:
    'A file, sent by the GraphQL multipart request specification: https://github.com/jaydenseric/graphql-multipart-request-spec. Its type is read from its bytes; its name and declared type are ignored.',
  serialize: () => {
    throw refuse('An upload cannot be read back.')
  },
  parseValue: (value) => {
    if (value !== null && typeof value === 'object' && 'staged' in value && value.staged instanceof Promise) {
      return value as Upload
    }
    throw refuse(
      'An Upload is a file of a multipart request: send null in `operations` and name it in `map`.',
    )
  },
  parseLiteral: () => {
    throw refuse('An Upload cannot be written into the document: use a variable.')
  },
})

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i

builder.scalarType('DateTime', {
  description: 'A moment by RFC 3339, e.g. `2026-11-20T09:30:00Z`. Answers are in UTC with milliseconds.',
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
})

function parseDateTime(value: unknown): Date {
  const date = typeof value === 'string' && rfc3339.test(value) ? new Date(value) : null
  // PostgreSQL has no year 0.
  if (!date || Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1) {
    throw refuse('A DateTime is an RFC 3339 string with a time zone, e.g. "2026-11-20T09:30:00Z".')
  }
  return date
}

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

builder.scalarType('BigInt', {
  description: 'A whole number of 64 bits, a string on the wire: JSON numbers lose digits beyond 2^53.',
  serialize: (value) => value.toString(),
  parseValue: parseBigInt,
  parseLiteral: (node: ValueNode) => {
    if (node.kind === Kind.STRING || node.kind === Kind.INT) return parseBigInt(node.value)
    throw refuse('A BigInt is a whole number, e.g. "1863".')
  },
})

function parseBigInt(value: unknown): bigint {
  const isWhole = typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'bigint'
  const isDigits = typeof value === 'string' && /^-?\d{1,19}$/.test(value)
  const number = isWhole || isDigits ? BigInt(value as string | number | bigint) : null
  if (number === null || number < int64.min || number > int64.max) {
    throw refuse('A BigInt is a whole number of 64 bits, best sent as a string, e.g. "1863".')
  }
  return number
}

builder.scalarType('ImageSize', {
  description:
    '`auto`, or `WIDTHxHEIGHT` in pixels, e.g. `1024x1536`, or a word of the provider, e.g. `2K`. Which sizes there are depends on the model: see `ImageModel.parameters`.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value === 'string' && (value === 'auto' || parseSize(value) || isSizeWord(value))) return value
    throw refuse('An ImageSize is "auto" or "WIDTHxHEIGHT", e.g. "1024x1536", or a word such as "2K".')
  },
})

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value,
})
