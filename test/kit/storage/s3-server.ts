import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface StoredObject {
  readonly bytes: Buffer
  readonly contentType: string
  readonly modifiedAt: Date
}

/**
 * As much of S3 as keeping images takes, in memory, for one bucket addressed by path. It lists in pages of two, so that
 * few objects make many pages; what it says is held against a real server by real-s3.test.ts.
 */
export async function startS3Server(bucket: string) {
  const objects = new Map<string, StoredObject>()
  const requests: string[] = []
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://s3')
    const key = decodeURIComponent(url.pathname).replace(`/${bucket}`, '').replace(/^\//, '')
    requests.push(`${request.method} ${key}${url.search}`)
    if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 '))
      return sendXml(response, 403, code('AccessDenied'))
    if (request.method === 'PUT') return put(objects, key, request, response)
    if (request.method === 'POST') return deleteMany(objects, request, response)
    if (request.method === 'DELETE') {
      objects.delete(key)
      return response.writeHead(204).end()
    }
    if (key === '') return list(objects, url.searchParams, response)
    return get(objects.get(key), request, response)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    requests,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

async function put(
  objects: Map<string, StoredObject>,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await buffer(request).catch(() => undefined)
  if (!bytes || bytes.length !== Number(request.headers['content-length'])) return
  if (request.headers['if-none-match'] === '*' && objects.has(key))
    return sendXml(response, 412, code('PreconditionFailed'))
  objects.set(key, { bytes, contentType: request.headers['content-type'] ?? '', modifiedAt: new Date() })
  response.writeHead(200, { etag: etagOf(bytes) }).end()
}

async function deleteMany(
  objects: Map<string, StoredObject>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = (await buffer(request)).toString()
  for (const [, key] of body.matchAll(/<Key>([^<]*)<\/Key>/g)) objects.delete(unescapeXml(key ?? ''))
  sendXml(response, 200, '<DeleteResult/>')
}

function get(object: StoredObject | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (!object) {
    sendXml(response, 404, code('NoSuchKey'), request.method === 'HEAD')
    return
  }
  const { bytes, contentType, modifiedAt } = object
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  const part = bytes.subarray(Number(first ?? 0), last ? Number(last) + 1 : bytes.length)
  response.writeHead(first === undefined ? 200 : 206, {
    'content-length': part.length,
    'content-type': contentType,
    'last-modified': modifiedAt.toUTCString(),
    etag: etagOf(bytes),
  })
  response.end(request.method === 'HEAD' ? undefined : part)
}

function list(objects: Map<string, StoredObject>, query: URLSearchParams, response: ServerResponse): void {
  const prefix = query.get('prefix') ?? ''
  const rows = new Map<string, string>()
  const isEncoded = query.get('encoding-type') === 'url'
  const token = query.get('continuation-token')
  const after = (token && decodeURIComponent(token)) ?? query.get('start-after') ?? ''
  for (const [key, { bytes, modifiedAt }] of [...objects].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!key.startsWith(prefix) || key <= after) continue
    const facts = `<Size>${bytes.length}</Size><LastModified>${modifiedAt.toISOString()}</LastModified>`
    const shown = isEncoded ? encodeURIComponent(key) : key
    rows.set(key, `<Contents><Key>${shown}</Key>${facts}</Contents>`)
  }
  const names = [...rows.keys()]
  const page = names.slice(0, 2)
  const next =
    names.length > page.length
      ? `<NextContinuationToken>${encodeURIComponent(page.at(-1) ?? '')}</NextContinuationToken>`
      : ''
  const body = page.map((name) => rows.get(name)).join('')
  sendXml(
    response,
    200,
    `<ListBucketResult>${isEncoded ? '<EncodingType>url</EncodingType>' : ''}${next}<IsTruncated>${next !== ''}</IsTruncated>${body}</ListBucketResult>`,
  )
}

function sendXml(response: ServerResponse, status: number, body: string, isHead = false): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(isHead ? undefined : `<?xml version="1.0"?>${body}`)
}

function code(name: string): string {
  return `<Error><Code>${name}</Code><Message>${name}</Message></Error>`
}

function unescapeXml(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}
