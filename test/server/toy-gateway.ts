import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLError,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql'
import { pino } from 'pino'
import { EaselError } from '../../src/errors.ts'
import { createGatewayServer, type GatewayServerOptions } from '../../src/server/gateway-server.ts'
import type { ContextBase } from '../../src/server/graphql/graphql-endpoint.ts'
import type { StageOptions } from '../../src/server/upload/multipart-request.ts'
import { UploadedFile } from '../../src/server/upload/uploaded-file.ts'

export interface ToyViewer {
  userId: string
  role: string
}

/** A picture of the toy images room: bytes in a file, refused when they begin with "not an image". */
export interface ToyImage {
  path: string
  bytes: number
  sha256: string
  discard(): Promise<void>
}

type Options = GatewayServerOptions<ToyViewer, ToyImage>
type Context = ContextBase<ToyViewer, ToyImage> & { ticker: Ticker }

/** A source of events that counts who listens. */
export class Ticker {
  listeners = 0
  produced = 0
  /** Of the subscriptions, in the order in which they were asked for. */
  readonly signals: AbortSignal[] = []
  readonly #wakers = new Set<() => void>()
  #events: string[] = []

  emit(event: string): void {
    this.#events.push(event)
    for (const wake of this.#wakers) wake()
  }

  async *listen(signal: AbortSignal): AsyncGenerator<string> {
    this.listeners += 1
    let at = 0
    const wakeOnAbort = () => wake()
    let wake: () => void = () => {}
    signal.addEventListener('abort', wakeOnAbort)
    const waker = () => wake()
    this.#wakers.add(waker)
    try {
      while (!signal.aborted) {
        const event = this.#events[at]
        if (event === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          continue
        }
        at += 1
        if (event === 'end') return
        if (event === 'fail') throw new Error('the source broke: canary-secret')
        this.produced += 1
        yield event
      }
    } finally {
      this.listeners -= 1
      this.#wakers.delete(waker)
      signal.removeEventListener('abort', wakeOnAbort)
    }
  }
}

const Upload = new GraphQLScalarType({
  name: 'Upload',
  parseValue(value) {
    if (value instanceof UploadedFile) return value
    throw new GraphQLError('Not an upload')
  },
})

const Size = new GraphQLScalarType({
  name: 'Size',
  parseValue(value) {
    if (value === '1x1') return value
    throw new EaselError('BAD_USER_INPUT', 'Not a size', { reason: 'SIZE_MALFORMED', allowed: ['1x1'] })
  },
})

const Format = new GraphQLEnumType({ name: 'Format', values: { PNG: {}, JPEG: {} } })

const Source = new GraphQLInputObjectType({ name: 'Source', fields: { upload: { type: Upload } } })

const EditInput = new GraphQLInputObjectType({
  name: 'EditInput',
  fields: {
    image: { type: new GraphQLList(new GraphQLNonNull(Source)) },
    prompt: { type: new GraphQLNonNull(GraphQLString) },
    n: { type: GraphQLInt },
    size: { type: Size },
    format: { type: Format },
  },
})

const Stored = new GraphQLObjectType({
  name: 'Stored',
  fields: {
    sha256: { type: GraphQLString },
    bytes: { type: GraphQLInt },
    filename: { type: GraphQLString },
    mimeType: { type: GraphQLString },
  },
})

async function store(file: UploadedFile<ToyImage>, isKept: boolean) {
  const image = await file.staged
  if (isKept) file.take()
  return { ...image, filename: file.filename, mimeType: file.mimeType }
}

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
    throw new EaselError('BAD_USER_INPUT', 'Too many', {
      field: 'input.n',
      allowed: 10,
      actual: 11,
      reason: 'N',
    })
  },
  busy: () => {
    throw new EaselError('RATE_LIMITED', 'Slow down', { retryAfterMs: 1_500 })
  },
}

const Query: GraphQLObjectType<unknown, Context> = new GraphQLObjectType<unknown, Context>({
  name: 'Query',
  fields: () => ({
    hello: {
      type: GraphQLString,
      args: { name: { type: GraphQLString } },
      resolve: (_, { name }) => `hello ${name}`,
    },
    viewer: { type: GraphQLString, resolve: (_, __, { viewer }) => viewer.userId },
    key: { type: GraphQLString, resolve: (_, __, { idempotencyKey }) => idempotencyKey },
    fail: {
      type: GraphQLString,
      args: { how: { type: GraphQLString } },
      resolve: (_, { how }) => failures[how]?.(),
    },
    self: { type: Query, resolve: () => ({}) },
    count: {
      type: GraphQLInt,
      args: { n: { type: new GraphQLNonNull(GraphQLInt) } },
      resolve: (_, { n }) => n,
    },
    wrongInt: { type: GraphQLInt, resolve: () => 'canary-secret is no number' },
  }),
})

const Mutation = new GraphQLObjectType<unknown, Context>({
  name: 'Mutation',
  fields: {
    noop: { type: GraphQLBoolean, resolve: () => true },
    store: {
      type: Stored,
      args: { file: { type: Upload }, keep: { type: GraphQLBoolean } },
      resolve: (_, { file, keep }) => file && store(file, keep ?? false),
    },
    ignore: { type: GraphQLBoolean, args: { file: { type: Upload } }, resolve: () => true },
    storeAll: {
      type: new GraphQLList(Stored),
      args: { files: { type: new GraphQLList(Upload) } },
      resolve: async (_, { files }) => {
        const stored = []
        for (const file of files.toReversed()) stored.push(await store(file, false))
        return stored.toReversed()
      },
    },
    edit: {
      type: GraphQLString,
      args: { input: { type: new GraphQLNonNull(EditInput) } },
      resolve: async (_, { input }) => {
        const sources: { upload: UploadedFile<ToyImage> }[] = input.image ?? []
        for (const [i, { upload }] of sources.entries()) {
          await upload.staged.catch((error) => {
            throw error instanceof EaselError ? error.at(`input.image.${i}`) : error
          })
        }
        return input.prompt
      },
    },
    wait: {
      type: GraphQLString,
      resolve: async (_, __, { ticker, signal }) => (await ticker.listen(signal).next()).value,
    },
  },
})

const Subscription = new GraphQLObjectType<unknown, Context>({
  name: 'Subscription',
  fields: {
    ticks: {
      type: GraphQLString,
      subscribe: (_, __, { ticker, signal }) => {
        ticker.signals.push(signal)
        return ticker.listen(signal)
      },
      resolve: (event) => event,
    },
    refused: {
      type: GraphQLString,
      subscribe: () => {
        throw new EaselError('NOT_FOUND', 'There is no such operation')
      },
    },
  },
})

export const toySchema = new GraphQLSchema({ query: Query, mutation: Mutation, subscription: Subscription })

const viewers: Record<string, ToyViewer> = {
  'Bearer ann': { userId: 'ann', role: 'MEMBER' },
  'Bearer bob': { userId: 'bob', role: 'MEMBER' },
  'Bearer root': { userId: 'root', role: 'ADMIN' },
}

async function authenticate(headers: Headers): Promise<ToyViewer> {
  const viewer = viewers[headers.get('authorization') ?? '']
  if (!viewer) throw new EaselError('UNAUTHENTICATED', 'This key is not known')
  return viewer
}

export interface ToyGateway extends AsyncDisposable {
  url: string
  port: number
  gateway: ReturnType<typeof createGatewayServer>
  ticker: Ticker
  logs: Record<string, unknown>[]
  folder: string
  /** Files that lie in the upload folder. */
  files(): Promise<string[]>
  read(name: string): Promise<Buffer>
  post(body: object, headers?: Record<string, string>): Promise<Response>
}

/** A gateway with a toy schema, on a real port, that keeps uploads in a folder of its own. */
export async function openToyGateway(overrides: Partial<Options> = {}): Promise<ToyGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-server-'))
  const logs: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logs.push(JSON.parse(line)) })
  const ticker = new Ticker()
  const gateway = createGatewayServer<ToyViewer, ToyImage>({
    schema: toySchema,
    authenticate,
    authenticationRequired: true,
    createContext: (base) => ({ ...base, ticker }),
    stage: (source, options) => stageInto(folder, source, options),
    serveImage: async () => new Response('image', { headers: { 'content-type': 'image/png' } }),
    readiness: {},
    graphiql: false,
    introspection: true,
    log,
    newId: randomUUID,
    ...overrides,
  })
  await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve))
  const { port } = gateway.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    gateway,
    ticker,
    logs,
    folder,
    files: () => readdir(folder),
    read: (name) => readFile(join(folder, name)),
    post: (body, headers = {}) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { authorization: 'Bearer ann', 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    async [Symbol.asyncDispose]() {
      const drained = gateway.drain()
      gateway.server.closeAllConnections()
      await drained
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export async function stageInto(
  folder: string,
  source: Readable,
  { signal }: StageOptions,
): Promise<ToyImage> {
  const path = join(folder, randomUUID())
  const hash = createHash('sha256')
  let bytes = 0
  const check = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      if (bytes === 0 && chunk.subarray(0, 12).equals(Buffer.from('not an image'))) {
        throw new EaselError('BAD_USER_INPUT', 'This is no image', { reason: 'IMAGE_UNKNOWN_TYPE' })
      }
      bytes += chunk.length
      hash.update(chunk)
      yield chunk
    }
  }
  try {
    await pipeline(source, check, createWriteStream(path), { signal })
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  return { path, bytes, sha256: hash.digest('hex'), discard: () => rm(path, { force: true }) }
}
