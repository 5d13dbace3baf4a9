import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pino } from 'pino'
import type { Role, Viewer } from '../../src/accounts/viewer.ts'
import { EaselError } from '../../src/errors.ts'
import type { StagedImage, StageOptions } from '../../src/images/staging.ts'
import { createGatewayServer, type GatewayServerOptions } from '../../src/server/gateway-server.ts'
import type { ServerLimits } from '../../src/server/server-limits.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { Ticker } from './ticker.ts'
import { toySchema } from './toy-schema.ts'

const rateLimits = { user: defaultLimits.rates, key: null }

export function viewerOf(userId: string, role: Role = 'MEMBER'): Viewer {
  return { userId, name: userId, role, credential: { kind: 'apiKey', id: userId }, rateLimits }
}

const viewers: Record<string, Viewer> = {
  'Bearer ann': viewerOf('ann'),
  'Bearer bob': viewerOf('bob'),
  'Bearer root': viewerOf('root', 'ADMIN'),
}

async function authenticate(headers: Headers): Promise<Viewer> {
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
  post(body: object, headers?: Record<string, string>): Promise<Response>
}

export interface ToyOptions extends Partial<Omit<GatewayServerOptions, 'limits'>> {
  limits?: Partial<ServerLimits>
}

const { requests, rates, documents, streams, ...others } = defaultLimits
const serverLimits = {
  ...requests,
  ...documents,
  ...streams,
  ...others,
  addressRequestsPerMinute: rates.addressRequestsPerMinute,
  maxStreamsPerViewer: others.streamsPerUser,
}

/** A gateway with a toy schema, on a real port, that keeps uploads in a folder of its own. */
export async function openToyGateway(overrides: ToyOptions = {}): Promise<ToyGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-server-'))
  const logs: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logs.push(JSON.parse(line)) })
  const ticker = new Ticker()
  const gateway = createGatewayServer({
    schema: toySchema,
    authenticate,
    admitViewer: () => null,
    authenticationRequired: true,
    createContext: (base) => ({ ...base, ticker }),
    stage: (source, options) => stageInto(folder, source, options),
    serveImage: async () => new Response('image', { headers: { 'content-type': 'image/png' } }),
    readiness: {},
    metricsAccess: 'machine',
    graphiql: false,
    introspection: true,
    log,
    newId: randomUUID,
    ...overrides,
    limits: { ...serverLimits, ...overrides.limits },
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

/** Stages bytes as they are; they are refused when they begin with "not an image". */
export async function stageInto(
  folder: string,
  source: Readable,
  { signal }: StageOptions,
): Promise<StagedImage> {
  const path = join(folder, randomUUID())
  // One that leaves before the pipeline listens must not end the process.
  source.on('error', () => {})
  // A write stream opens its file some time later, perhaps after a client that left was cleaned up after.
  const file = await open(path, 'wx')
  const hash = createHash('sha256')
  let byteSize = 0
  const check = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      if (byteSize === 0 && chunk.subarray(0, 12).equals(Buffer.from('not an image'))) {
        throw new EaselError('BAD_USER_INPUT', 'This is no image', { reason: 'IMAGE_TYPE_UNSUPPORTED' })
      }
      byteSize += chunk.length
      hash.update(chunk)
      yield chunk
    }
  }
  try {
    await pipeline(source, check, file.createWriteStream(), { signal })
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  const facts = { mimeType: 'image/png', width: 1, height: 1, hasAlpha: false } as const
  return { ...facts, path, byteSize, sha256: hash.digest('hex'), discard: () => rm(path, { force: true }) }
}
