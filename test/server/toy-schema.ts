import {
  buildSchema,
  GraphQLError,
  type GraphQLFieldResolver,
  GraphQLObjectType,
  GraphQLScalarType,
} from 'graphql'
import { EaselError } from '../../src/errors.ts'
import type { ContextBase } from '../../src/schema/context.ts'
import { UploadedFile } from '../../src/server/upload/uploaded-file.ts'
import type { Ticker } from './ticker.ts'
import { bytesOf, openPicture } from './toy-picture.ts'

export type ToyContext = ContextBase & { ticker: Ticker }

/** What the edge is tested with and the real schema has no field for: bugs of all kinds, and events at command. */
export const toySchema = buildSchema(`
  scalar Upload
  scalar Size
  enum Format { PNG JPEG }
  input Source { upload: Upload }
  input EditInput { image: [Source!] prompt: String! n: Int size: Size format: Format }
  type Stored { sha256: String bytes: Int }
  type Query {
    hello(name: String): String
    viewer: String
    key: String
    fail(how: String): String
    self: Query
    count(n: Int!): Int
    wrongInt: Int
    picture(megabytes: Int!, breaks: Boolean): String
  }
  type Mutation {
    noop: Boolean
    store(file: Upload): Stored
    ignore(file: Upload): Boolean
    storeAll(files: [Upload]): [Stored]
    edit(input: EditInput!): String
    wait: String
  }
  type Subscription { ticks: String refused: String pictures(megabytes: Int!, breaks: Boolean): String }
`)

const failures: Record<string, () => unknown> = {
  bug: () => {
    throw new Error('canary-secret in a message', { cause: new Error('canary-secret in a cause') })
  },
  string: () => {
    throw 'canary-secret as a string'
  },
  graphql: () => {
    throw new GraphQLError('canary-secret in a GraphQLError')
  },
  input: () => {
    const details = { field: 'input.n', allowed: 10, actual: 11, reason: 'OUT_OF_RANGE' } as const
    throw new EaselError('BAD_USER_INPUT', 'Too many', details)
  },
  busy: () => {
    throw new EaselError('RATE_LIMITED', 'Slow down', { retryAfterMs: 1_500 })
  },
}

interface Arguments {
  name?: string
  how?: string
  n?: number
  megabytes: number
  breaks?: boolean
  file?: UploadedFile
  files: UploadedFile[]
  input: { prompt: string; image?: { upload: UploadedFile }[] }
}

type Resolver = GraphQLFieldResolver<unknown, ToyContext, Arguments>

const queries: Record<string, Resolver> = {
  hello: (_, { name }) => `hello ${name}`,
  viewer: (_, __, { viewer }) => viewer.userId,
  key: (_, __, { idempotencyKey }) => idempotencyKey,
  fail: (_, { how = '' }) => failures[how]?.(),
  self: () => ({}),
  count: (_, { n }) => n,
  wrongInt: () => 'canary-secret is no number',
  picture: (_, args, context) => inlinePicture(context, args),
}

const mutations: Record<string, Resolver> = {
  noop: () => true,
  store: (_, { file }) => file && describeUpload(file),
  ignore: () => true,
  storeAll: async (_, { files }) => {
    const stored = []
    for (const file of files.toReversed()) stored.push(await describeUpload(file))
    return stored.toReversed()
  },
  edit: async (_, { input: { prompt, image = [] } }) => {
    for (const [i, { upload }] of image.entries()) {
      await upload.staged.catch((error) => {
        throw error instanceof EaselError ? error.at(`input.image.${i}`) : error
      })
    }
    return prompt
  },
  wait: async (_, __, { ticker, signal }) => (await ticker.listen(signal).next()).value,
}

/** Also of an event: a stream has four. */
const inlinePicture = ({ inline }: ToyContext, { megabytes, breaks }: Arguments) =>
  inline(bytesOf(megabytes), async () => openPicture(megabytes, { breaks }))

const subscriptions: Record<string, Resolver> = {
  ticks: (_, __, { ticker, signal }) => {
    ticker.signals.push(signal)
    return ticker.listen(signal)
  },
  refused: () => {
    throw new EaselError('NOT_FOUND', 'There is no such operation')
  },
  pictures: async function* () {
    for (let i = 0; i < 4; i += 1) yield 'a picture'
  },
}

const scalars: Record<string, (value: unknown) => unknown> = {
  Upload: (value) => {
    if (value instanceof UploadedFile) return value
    throw new GraphQLError('Not an upload')
  },
  Size: (value) => {
    if (value === '1x1') return value
    throw new EaselError('BAD_USER_INPUT', 'Not a size', { reason: 'SIZE_NOT_SUPPORTED', allowed: ['1x1'] })
  },
}

async function describeUpload(file: UploadedFile) {
  const { sha256, byteSize } = await file.staged
  return { sha256, bytes: byteSize }
}

function fieldsOf(type: string) {
  const found = toySchema.getType(type)
  if (found instanceof GraphQLObjectType) return found.getFields()
  throw new Error(`The toy schema has no type ${type}`)
}

for (const [name, parseValue] of Object.entries(scalars)) {
  const scalar = toySchema.getType(name)
  if (scalar instanceof GraphQLScalarType) scalar.parseValue = parseValue
}
for (const [name, field] of Object.entries(fieldsOf('Query'))) field.resolve = queries[name]
for (const [name, field] of Object.entries(fieldsOf('Mutation'))) field.resolve = mutations[name]
for (const [name, field] of Object.entries(fieldsOf('Subscription'))) {
  field.subscribe = subscriptions[name]
  field.resolve = (event, args, context) => (name === 'pictures' ? inlinePicture(context, args) : event)
}
