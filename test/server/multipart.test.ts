import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../kit/until.ts'
import {
  encodeParts,
  field,
  file,
  multipartHeaders,
  openRaw,
  type Part,
  send,
  storeMany,
  storeOne,
} from './multipart-kit.ts'
import { openToyGateway, stageInto, type ToyGateway } from './toy-gateway.ts'

let toy: ToyGateway

beforeAll(async () => {
  toy = await openToyGateway({ limits: { maxUploadBytes: 100_000, maxFiles: 4, maxRequestBytes: 1_000_000 } })
})

afterAll(async () => {
  await until(async () => (await toy.files()).length === 0)
  await toy[Symbol.asyncDispose]()
})

const one = [field('operations', storeOne), field('map', { a: ['variables.file'] })]
const two = [
  field('operations', storeMany),
  field('map', { a: ['variables.files.0'], b: ['variables.files.1'] }),
]

async function refuses(
  parts: Part[] | Buffer,
  status: number,
  reason: string,
  headers?: Record<string, string>,
) {
  const answer = await send(toy.url, parts, headers)
  expect({ status: answer.status, reason: answer.body.errors?.[0]?.extensions.reason }).toEqual({
    status,
    reason,
  })
  return answer.body.errors?.[0]
}

describe('a multipart request', () => {
  it('hands the file to the resolver with its bytes', async () => {
    const { body } = await send(toy.url, [...one, file('a', 'the bytes')])
    const sha256 = createHash('sha256').update('the bytes').digest('hex')
    expect(body).toEqual({ data: { store: { sha256, bytes: 9 } } })
  })

  it('accepts an empty file', async () => {
    expect((await send(toy.url, [...one, file('a', '')])).body.data).toMatchObject({ store: { bytes: 0 } })
  })

  it('accepts a request without files', async () => {
    const { body } = await send(toy.url, [
      field('operations', { query: '{ hello(name: "x") }' }),
      field('map', {}),
    ])
    expect(body).toEqual({ data: { hello: 'hello x' } })
  })

  it('puts one file into several places', async () => {
    const map = field('map', { a: ['variables.files.0', 'variables.files.1'] })
    const { body } = await send(toy.url, [field('operations', storeMany), map, file('a', 'twice')])
    expect(body.data).toEqual({ storeAll: [{ bytes: 5 }, { bytes: 5 }] })
  })

  it('lets resolvers take the files in another order than they arrive', async () => {
    const { body } = await send(toy.url, [...two, file('b', '22'), file('a', '1')])
    expect(body.data).toEqual({ storeAll: [{ bytes: 1 }, { bytes: 2 }] })
  })

  it('answers aliased mutations that share and cross their files', async () => {
    const query =
      'mutation ($a: Upload, $b: Upload) { x: store(file: $b) { bytes } y: store(file: $a) { bytes } }'
    const operations = field('operations', { query, variables: { a: null, b: null } })
    const map = field('map', { 0: ['variables.a'], 1: ['variables.b'] })
    const { body } = await send(toy.url, [operations, map, file('0', '1'), file('1', '22')])
    expect(body.data).toEqual({ x: { bytes: 2 }, y: { bytes: 1 } })
  })

  it.each(['ignore(file: $file)', 'store(file: $file) { bytes }'])(
    'discards the file after the mutation %s',
    async (mutation) => {
      const operations = { query: `mutation ($file: Upload) { ${mutation} }`, variables: { file: null } }
      const map = field('map', { a: ['variables.file'] })
      const answer = await send(toy.url, [field('operations', operations), map, file('a', 'x')])
      expect(answer.body.errors).toBeUndefined()
      await until(async () => (await toy.files()).length === 0)
    },
  )

  it('reads a body made by FormData in-process', async () => {
    const form = new FormData()
    form.set('operations', JSON.stringify(storeOne))
    form.set('map', JSON.stringify({ a: ['variables.file'] }))
    form.set('a', new Blob(['from a form'], { type: 'image/webp' }), 'x.webp')
    const headers = { authorization: 'Bearer ann' }
    const request = new Request('http://localhost/graphql', { method: 'POST', headers, body: form })
    const answer = await (await toy.gateway.fetch(request)).json()
    expect(answer).toMatchObject({ data: { store: { bytes: 11 } } })
  })
})

describe('the body of a multipart request', () => {
  it.each<[string, Part[], string]>([
    ['no operations', [field('map', {}), file('a', 'x')], 'MULTIPART_MALFORMED'],
    ['no map', [field('operations', storeOne), file('a', 'x')], 'MULTIPART_MALFORMED'],
    ['no map and no file', [field('operations', storeOne)], 'MULTIPART_MALFORMED'],
    ['nothing in it', [], 'MULTIPART_MALFORMED'],
    ['the map before the operations', [...one.toReversed(), file('a', 'x')], 'MULTIPART_MALFORMED'],
    [
      'a file before the map',
      [field('operations', storeOne), file('a', 'x'), one[1] as Part],
      'MULTIPART_MALFORMED',
    ],
    ['operations that are no JSON', [field('operations', '{ x'), field('map', {})], 'MULTIPART_MALFORMED'],
    ['operations that are null', [field('operations', 'null'), field('map', {})], 'MULTIPART_MALFORMED'],
    ['operations that are a string', [field('operations', '"x"'), field('map', {})], 'MULTIPART_MALFORMED'],
    ['a batch of operations', [field('operations', [storeOne]), field('map', {})], 'MULTIPART_MALFORMED'],
    ['operations twice', [...one.slice(0, 1), ...one], 'MULTIPART_MALFORMED'],
    ['the map twice', [...one, one[1] as Part], 'MULTIPART_MALFORMED'],
    ['a further field', [field('x', 'x'), ...one], 'MULTIPART_MALFORMED'],
    ['a mapped part that is no file', [...one, field('a', 'x')], 'MULTIPART_MALFORMED'],
    ['a mapped part with an empty filename', [...one, file('a', 'x', '')], 'MULTIPART_MALFORMED'],
    ['a missing file', one, 'UPLOAD_MISSING'],
    ['one of two files', [...two, file('b', 'x')], 'UPLOAD_MISSING'],
    ['a file that the map does not name', [...one, file('a', 'x'), file('b', 'x')], 'UPLOAD_UNEXPECTED'],
    ['a file twice', [...one, file('a', 'x'), file('a', 'y')], 'UPLOAD_DUPLICATED'],
  ])('is refused with %s', async (_, parts, reason) => {
    await refuses(parts, 400, reason)
  })

  it.each<[string, Part[]]>([
    [
      '"operations" was sent as a file',
      [file('operations', JSON.stringify(storeOne), 'blob'), one[1] as Part],
    ],
    ['"map" was sent as a file', [one[0] as Part, file('map', '{"a":["variables.file"]}', 'blob')]],
  ])('is refused with the words: %s', async (words, parts) => {
    const error = await refuses([...parts, file('a', 'x')], 400, 'MULTIPART_MALFORMED')
    expect(error?.message).toContain(`${words}: send it as a field`)
  })

  it.each([
    ['without a filename', field('b', 'x')],
    ['with an empty filename', file('b', 'x', '')],
  ])('names the file that was sent %s', async (_, part) => {
    const error = await refuses([...two, file('a', 'x'), part], 400, 'MULTIPART_MALFORMED')
    expect(error?.message).toBe('A part has no filename, so it is not a file: send "b" with a filename')
    expect(error?.extensions.field).toBe('files.1')
  })

  it('names the files that have not come, where several may be meant', async () => {
    const error = await refuses([...two, field('a', 'x')], 400, 'MULTIPART_MALFORMED')
    expect(error?.message).toContain('send "a", "b" with a filename')
    expect(error?.extensions.field).toBeUndefined()
  })

  it('says that there is a field too many, where every file has come', async () => {
    const error = await refuses([...one, file('a', 'x'), field('b', 'x')], 400, 'MULTIPART_MALFORMED')
    expect(error?.message).toBe('There are more fields than "operations" and "map"')
  })

  it.each(['operations', 'map'])('may have a byte order mark before %s', async (marked) => {
    const parts = one.map((part) => (part.name === marked ? { ...part, value: `\ufeff${part.value}` } : part))
    expect((await send(toy.url, [...parts, file('a', 'x')])).body.data).toMatchObject({ store: { bytes: 1 } })
  })

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'text/plain; charset=UTF-8',
  ])('may call its fields %s', async (type) => {
    const operations = {
      query: '{ hello(name: "имя") }',
      variables: null,
      operationName: null,
      extensions: null,
    }
    const headers = `CONTENT-TYPE: ${type}\r\n`
    const parts = [field('operations', operations), field('map', {})].map((part) => ({ ...part, headers }))
    expect((await send(toy.url, parts)).body).toEqual({ data: { hello: 'hello имя' } })
  })

  it('takes a file without a filename that says it is one by its type', async () => {
    const part = { ...field('a', 'x'), headers: 'content-type: application/octet-stream\r\n' }
    expect((await send(toy.url, [...one, part])).body.data).toMatchObject({ store: { bytes: 1 } })
  })

  it('is refused without its last boundary', async () => {
    await refuses(encodeParts([...one, file('a', 'x')], { isOpen: true }), 400, 'UPLOAD_TRUNCATED')
  })

  it('is refused when it ends within a file', async () => {
    const whole = encodeParts([...one, file('a', 'x'.repeat(1000))])
    await refuses(whole.subarray(0, whole.length - 600), 400, 'UPLOAD_TRUNCATED')
  })

  it('is refused when it ends within the map', async () => {
    await refuses(encodeParts(one).subarray(0, 250), 400, 'UPLOAD_TRUNCATED')
  })

  it('points at the file that is missing', async () => {
    const error = await refuses([...two, file('b', 'x')], 400, 'UPLOAD_MISSING')
    expect(error?.extensions.field).toBe('files.0')
  })

  it.each([' Content-Disposition: x\r\n', 'bad header\r\n', '\u0000: x\r\n'])(
    'is refused with the part header %j',
    async (headers) => {
      await refuses([...one, { ...file('a', 'x'), headers }], 400, 'MULTIPART_MALFORMED')
    },
  )

  it.each(['__proto__', 'constructor', 'toString'])('survives a part header named %s', async (name) => {
    const { body } = await send(toy.url, [...one, { ...file('a', 'x'), headers: `${name}: x\r\n` }])
    expect(body.data).toMatchObject({ store: { bytes: 1 } })
  })

  it.each([1, 70])('is parsed with a boundary of %d characters', async (length) => {
    const boundary = 'b'.repeat(length)
    const body = encodeParts([...one, file('a', 'x')], { boundary })
    expect((await send(toy.url, body, multipartHeaders(boundary))).status).toBe(200)
  })

  it.each([0, 71, 252])('is refused with a boundary of %d characters', async (length) => {
    const boundary = 'b'.repeat(length)
    const body = encodeParts([...one, file('a', 'x')], { boundary })
    await refuses(body, 400, 'MULTIPART_MALFORMED', multipartHeaders(boundary))
  })

  it('is parsed when its type is written in capitals', async () => {
    const headers = {
      ...multipartHeaders(),
      'content-type': 'Multipart/Form-Data; Boundary="----toy-boundary"',
    }
    expect((await send(toy.url, encodeParts([...one, file('a', 'x')]), headers)).status).toBe(200)
  })

  it('gives the same answer wherever the network cuts it', async () => {
    const body = encodeParts([...two, file('a', 'not\r\n----toy-boundar'), file('b', '-\r\n--')], {})
    const head = `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: multipart/form-data; boundary=----toy-boundary\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`
    for (let cut = 1; cut < body.length; cut += 7) {
      const { socket, received, closed } = await openRaw(toy.port)
      socket.setNoDelay(true)
      socket.write(head)
      socket.write(body.subarray(0, cut), () => setImmediate(() => socket.write(body.subarray(cut))))
      await closed
      expect(received(), `cut at ${cut}`).toContain('{"data":{"storeAll":[{"bytes":20},{"bytes":5}]}}')
    }
  })
})

describe('the map of a multipart request', () => {
  const long = `variables.${'a.'.repeat(100_000)}a`
  it.each<[string, unknown]>([
    ['null', 'null'],
    ['a string', '"x"'],
    ['a number', '1'],
    ['an array', '[]'],
    ['no JSON', '{'],
    ['an entry that is no array', { a: 'variables.file' }],
    ['an entry without paths', { a: [] }],
    ['a path that is no string', { a: [1] }],
    ['an empty path', { a: [''] }],
    ['a path outside variables', { a: ['query'] }],
    ['a path into a batch', { a: ['0.variables.file'] }],
    ['a path to variables itself', { a: ['variables'] }],
    ['a path to nowhere', { a: ['variables.file.x'] }],
    ['an empty last key', { a: ['variables.'] }],
    ['__proto__', { a: ['variables.__proto__.polluted'] }],
    ['__proto__ at the end', { a: ['variables.__proto__'] }],
    ['constructor', { a: ['variables.constructor.prototype.polluted'] }],
    ['an inherited function', { a: ['variables.toString.call'] }],
    ['an inherited function of an array', { a: ['variables.list.map.call'] }],
    ['an array index beyond the end', { a: ['variables.list.999999999'] }],
    ['the length of an array', { a: ['variables.list.length'] }],
    ['a path too deep', { a: [long] }],
    ['one place twice', { a: ['variables.file'], b: ['variables.file'] }],
    ['one place within another', { a: ['variables.nested'], b: ['variables.nested.file'] }],
    ['a place around another', { a: ['variables.nested.file'], b: ['variables.nested'] }],
  ])('is refused when it holds %s', async (_, map) => {
    const variables = { file: null, list: [null], nested: { file: null } }
    await refuses(
      [field('operations', { ...storeOne, variables }), field('map', map), file('a', 'x')],
      400,
      'MULTIPART_MAP_INVALID',
    )
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted')
    expect(typeof Object.prototype.toString.call).toBe('function')
  })

  it('is refused when its path is deeper than any input, even if there is such a place', async () => {
    const keys = Array.from({ length: 16 }, (_, i) => `k${i}`)
    const variables = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), null)
    const map = field('map', { a: [`variables.${keys.join('.')}`] })
    await refuses(
      [field('operations', { ...storeOne, variables }), map, file('a', 'x')],
      400,
      'MULTIPART_MAP_INVALID',
    )
  })

  it('is refused when it names more files than allowed', async () => {
    const files = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [i, [`variables.x${i}`]]))
    await refuses([field('operations', storeOne), field('map', files)], 413, 'TOO_MANY_FILES')
  })
})

describe('the size of a multipart request', () => {
  it('may reach the limit of a file, and not a byte more', async () => {
    const { body } = await send(toy.url, [...one, file('a', Buffer.alloc(100_000))])
    expect(body.data).toMatchObject({ store: { bytes: 100_000 } })
    const error = await refuses([...one, file('a', Buffer.alloc(100_001))], 413, 'IMAGE_TOO_LARGE')
    expect(error?.extensions).toMatchObject({ field: 'file', allowed: 100_000 })
  })

  it('may not pass the limit of the request, told or untold', async () => {
    await refuses(encodeParts([...one, file('a', Buffer.alloc(1_100_000))]), 413, 'BODY_TOO_LARGE')
  })

  it('counts a body of unknown length', async () => {
    const parts = Array.from({ length: 4 }, (_, i) => file(String(i), Buffer.alloc(90_000)))
    const map = Object.fromEntries(parts.map(({ name }) => [name, [`variables.files.${name}`]]))
    const variables = { files: [null, null, null, null] }
    const body = encodeParts([field('operations', { ...storeMany, variables }), field('map', map), ...parts])
    const preamble = Buffer.alloc(700_000, 'x')
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(preamble)
        controller.enqueue(Buffer.from('\r\n'))
        controller.enqueue(body)
        controller.close()
      },
    })
    const init = { method: 'POST', headers: multipartHeaders(), body: stream, duplex: 'half' } as RequestInit
    const response = await fetch(`${toy.url}/graphql`, init)
    expect(response.status).toBe(413)
  })

  it('may not hide in a field', async () => {
    const query = `{ hello(name: "${'x'.repeat(1_000_001)}") }`
    const toyWithRoom = await openToyGateway()
    const { status } = await send(toyWithRoom.url, [field('operations', { query }), field('map', {})])
    expect(status).toBe(413)
    await toyWithRoom[Symbol.asyncDispose]()
  })
})

describe('a gateway that receives many uploads', () => {
  it('asks further ones to come back', async () => {
    await using busy = await openToyGateway({ limits: { maxConcurrentUploads: 1 } })
    const { socket } = await openRaw(busy.port)
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: multipart/form-data; boundary=----toy-boundary\r\ncontent-length: 100000\r\n\r\n`,
    )
    socket.write(encodeParts([...one, file('a', 'x')], { isOpen: true }))
    await until(async () => (await busy.files()).length === 1)
    const { status, body } = await send(busy.url, [...one, file('a', 'x')])
    expect(status).toBe(503)
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 2_000 })
    socket.destroy()
    await until(async () => (await send(busy.url, [...one, file('a', 'x')])).status === 200)
    await until(async () => (await busy.files()).length === 0)
  })
})

describe('a user with uploads that never end', () => {
  const begin = async (port: number) => {
    const { socket } = await openRaw(port)
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: multipart/form-data; boundary=----toy-boundary\r\ncontent-length: 900000\r\n\r\n`,
    )
    return socket
  }
  const ofBob = { ...multipartHeaders(), authorization: 'Bearer bob' }

  it('is asked to come back, and nobody else is', async () => {
    const limits = { maxUploadsPerUser: 1, uploadWaitMs: 1 }
    await using fair = await openToyGateway({ limits })
    const socket = await begin(fair.port)
    socket.write(encodeParts([...one, file('a', 'x')], { isOpen: true }))
    await until(async () => (await fair.files()).length === 1)
    const { status, body } = await send(fair.url, [...one, file('a', 'x')])
    expect(status).toBe(429)
    expect(body.errors?.[0]?.extensions).toMatchObject({ reason: 'TOO_MANY_UPLOADS_OF_USER', allowed: 1 })
    expect((await send(fair.url, [...one, file('a', 'x')], ofBob)).status).toBe(200)
    socket.destroy()
    await until(async () => (await send(fair.url, [...one, file('a', 'x')])).status === 200)
  })

  it('has its further ones received as soon as there is room, with nothing lost', async () => {
    await using fair = await openToyGateway({ limits: { maxUploadsPerUser: 2 } })
    const bytes = Buffer.alloc(300_000, 'x')
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(fair.url, [...one, file('a', bytes)])),
    )
    for (const { body } of answers) expect(body.data).toMatchObject({ store: { bytes: bytes.length } })
    await until(async () => (await fair.files()).length === 0)
  })

  it('fills only a share of the disk, until they are gone', async () => {
    await using fair = await openToyGateway({ limits: { maxStagedBytesPerUser: 100_000 } })
    const socket = await begin(fair.port)
    socket.write(encodeParts([...one, file('a', Buffer.alloc(80_000, 'x'))], { isOpen: true }))
    await until(async () => (await fair.files()).length === 1)
    const large = [...one, file('a', Buffer.alloc(60_000, 'x'))]
    const { status, body } = await send(fair.url, large)
    expect(status).toBe(429)
    expect(body.errors?.[0]?.extensions).toMatchObject({
      reason: 'TOO_MANY_UPLOADED_BYTES',
      allowed: 100_000,
    })
    expect((await send(fair.url, large, ofBob)).status).toBe(200)
    socket.destroy()
    await until(async () => (await send(fair.url, large)).status === 200)
    await until(async () => (await fair.files()).length === 0)
  })
})

describe('a refused file', () => {
  it('is reported by the resolver that wanted it, with the field it knows', async () => {
    const query = 'mutation ($input: EditInput!) { edit(input: $input) }'
    const variables = { input: { prompt: 'p', image: [{ upload: null }, { upload: null }] } }
    const map = field('map', { a: ['variables.input.image.0.upload'], b: ['variables.input.image.1.upload'] })
    const parts = [
      field('operations', { query, variables }),
      map,
      file('a', 'good'),
      file('b', 'not an image'),
    ]
    const { body } = await send(toy.url, parts)
    expect(body.errors?.[0]?.extensions).toMatchObject({
      reason: 'IMAGE_TYPE_UNSUPPORTED',
      field: 'input.image.1',
    })
  })

  it('is named by the files behind it, which are not read any more', async () => {
    const { socket, received, closed } = await openRaw(toy.port)
    const head = encodeParts([...two, file('a', 'not an image')], { isOpen: true })
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: multipart/form-data; boundary=----toy-boundary\r\ncontent-length: 900000\r\n\r\n`,
    )
    socket.write(head)
    await until(() => received().includes('"field":"files.0"'))
    expect(received()).toMatch(/connection: close/i)
    expect(received()).toContain('IMAGE_TYPE_UNSUPPORTED')
    socket.destroy()
    await closed
  })
})

describe('a client that leaves', () => {
  it('between two files loses the first, which was staged already', async () => {
    let staged = 0
    await using counting: ToyGateway = await openToyGateway({
      stage: async (source, options) => {
        const image = await stageInto(counting.folder, source, options)
        staged += 1
        return image
      },
    })
    const { socket } = await openRaw(counting.port)
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: multipart/form-data; boundary=----toy-boundary\r\ncontent-length: 100000\r\n\r\n`,
    )
    socket.write(
      encodeParts([...two, file('a', 'first'), file('b', 'second')], { isOpen: true }).subarray(0, -10),
    )
    await until(() => staged === 1)
    expect(await counting.files()).not.toEqual([])
    socket.resetAndDestroy()
    await until(async () => (await counting.files()).length === 0)
  })

  it.each([0.1, 0.3, 0.5, 0.7, 0.9, 0.99])('after %d of its body leaves no file behind', async (share) => {
    const body = encodeParts([...two, file('a', Buffer.alloc(90_000)), file('b', Buffer.alloc(90_000))])
    const { socket, closed } = await openRaw(toy.port)
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: multipart/form-data; boundary=----toy-boundary\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    await new Promise<void>((resolve) => socket.write(body.subarray(0, body.length * share), () => resolve()))
    if (share > 0.3) await until(async () => (await toy.files()).length > 0)
    socket.resetAndDestroy()
    await closed
    await until(async () => (await toy.files()).length === 0)
    const answer = await send(toy.url, body)
    expect(answer.body.data).toEqual({ storeAll: [{ bytes: 90_000 }, { bytes: 90_000 }] })
  })
})
