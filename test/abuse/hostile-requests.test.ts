import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearer, type GuardedGateway, type Person, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { until } from '../kit/until.ts'
import { openRequest, sendRaw } from './raw-request.ts'

let gateway: GuardedGateway
let eve: Person
beforeAll(async () => {
  gateway = await startGuardedGateway({
    env: { NODE_ENV: 'production' },
    file: 'limits: { requests: { lingerMs: 50, maxUploadsPerUser: 2, uploadWaitMs: 1 } }',
  })
  eve = await gateway.invite('Eve')
})
/** What holds whatever was sent: nobody's fault is the gateway's, nothing was begun, and others are served. */
afterAll(async () => {
  const { data } = await ask('{ operations { edges { cursor } } }')
  expect(data).toEqual({ operations: { edges: [] } })
  expect(gateway.logged.filter(({ level }) => Number(level) >= 50)).toEqual([])
  expect(Object.keys(Object.prototype)).toEqual([])
  await gateway[Symbol.asyncDispose]()
})

const ask = (query: string, variables = {}) => gateway.graphql(query, variables, bearer(eve.key))
const faultOf = async (query: string, variables = {}) => (await ask(query, variables)).errors?.[0]?.extensions
const many = (count: number, text: string | ((index: number) => string)) =>
  Array.from({ length: count }, (_, index) => (typeof text === 'string' ? text : text(index))).join(' ')
const nested = (count: number, open: string, close: string, inner: string) =>
  `${open.repeat(count)}${inner}${close.repeat(count)}`
const paid = 'mutation { generateImage(input: { prompt: "x" }) { id } }'
const json = { 'content-type': 'application/json' }

describe('requests that another site sends', () => {
  const foreign = { origin: 'https://evil.example', cookie: 'session=1' }
  test.each([
    ['plain text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a multipart form', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['no type', {}],
  ])('GQL-01: are refused: %s', async (_, headers) => {
    const body = new TextEncoder().encode(JSON.stringify({ query: paid }))
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...foreign, ...headers },
      body,
    })
    expect(response.status).toBe(403)
    expect(response.headers.get('access-control-allow-origin')).toBe(null)
  })

  test('GQL-02: are no mutations by GET, on no path', async () => {
    for (const path of ['/graphql', '/graphql/stream']) {
      const response = await fetch(`${gateway.url}${path}?${new URLSearchParams({ query: paid })}`, {
        headers: { ...bearer(eve.key), accept: 'application/json' },
      })
      expect([path, response.status]).toEqual([path, 405])
    }
  })
})

describe('documents', () => {
  test.each<[string, string, string]>([
    ['GQL-03: deep', `{ ${nested(1_000, 'viewer { ', '}', 'id')} }`, 'TOO_DEEP'],
    ['GQL-03: aliases', `{ ${many(500, (i) => `a${i}: viewer { id }`)} }`, 'TOO_MANY_ALIASES'],
    ['GQL-03: directives', `{ viewer { id ${many(400, '@skip(if: false)')} } }`, 'TOO_MANY_DIRECTIVES'],
    ['GQL-03: a megabyte', `{ viewer { id } } # ${'x'.repeat(900_000)}`, 'DOCUMENT_TOO_LARGE'],
    ['GQL-03: a deep value', `{ node(id: ${nested(2_400, '[', ']', '1')}) { id } }`, 'LITERAL_TOO_DEEP'],
    [
      'GQL-04: fragments by the power',
      `{ ...F0 } ${many(60, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} ...F${i + 1} }`)} fragment F60 on Query { viewer { id } }`,
      'TOO_MANY_FIELDS',
    ],
    ['GQL-06: fields by the pair', `{ ${many(500, 'viewer { budgets { unit } }')} }`, 'TOO_MANY_COMPARISONS'],
    [
      'GQL-06: fragments in circles that nobody uses',
      `{ viewer { id } } ${many(60, (i) => `fragment F${i} on Query { ${many(5, 'viewer { budgets { unit } }')} ...F${(i + 1) % 60} ...F${(i + 7) % 60} }`)}`,
      'TOO_MANY_COMPARISONS',
    ],
    [
      'MON-15: paid mutations by the dozen',
      `mutation { ${many(50, (i) => `a${i}: generateImage(input: { prompt: "x" }) { id }`)} }`,
      'TOO_MANY_ALIASES',
    ],
  ])('%s', async (_, query, reason) => {
    expect(await faultOf(query)).toMatchObject({ code: 'BAD_USER_INPUT', reason })
  })

  test('GQL-03: with too many tokens are not read to their end', async () => {
    expect(await faultOf(`{ ${many(8_000, 'viewer')} }`)).toMatchObject({ code: 'GRAPHQL_PARSE_FAILED' })
  })

  test('GQL-04: with fragments in circles are not valid', async () => {
    expect(await faultOf('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }')).toMatchObject(
      {
        code: 'GRAPHQL_VALIDATION_FAILED',
      },
    )
  })

  test('GQL-05: come one at a time', async () => {
    const body = JSON.stringify(Array(10).fill({ query: paid }))
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...json, ...bearer(eve.key) },
      body,
    })
    expect(response.status).toBe(400)
  })

  test.each(['1000000000', '-1', '101', '2147483648'])('GQL-07: get no page of %s', async (first) => {
    expect((await faultOf(`{ operations(first: ${first}) { edges { cursor } } }`))?.code).toMatch(
      /BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED/,
    )
  })

  test.each(['x', 'R1BDOk46MQ==', '\u0001'.repeat(50), 'a'.repeat(5_000)])(
    'GQL-07: get no page after a cursor that was made up',
    async (after) => {
      const query = 'query ($after: String!) { operations(after: $after) { edges { cursor } } }'
      expect(await faultOf(query, { after })).toMatchObject({ code: 'BAD_USER_INPUT' })
    },
  )

  test('GQL-08: learn nothing of the schema in production', async () => {
    for (const query of [
      '{ __schema { types { name } } }',
      '{ __type(name: "Query") { name } }',
      '{ viewr { id } }',
    ]) {
      const { errors = [] } = await ask(query)
      expect(errors[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
      expect(JSON.stringify(errors)).not.toContain('Did you mean')
    }
    const page = await fetch(`${gateway.url}/graphql`, { headers: { accept: 'text/html' } })
    expect(page.status).toBe(401)
  })

  test('GQL-10: may use the names of an object of JavaScript', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const { data } = await ask(`{ ${many(names.length, (i) => `${names[i]}: viewer { name }`)} }`)
    expect(Object.keys(data).sort()).toEqual([...names].sort())
    const text =
      '{"query":"query ($__proto__: Int, $constructor: Int) { viewer { name } }","variables":{"__proto__":1,"constructor":2}}'
    const headers = { ...json, ...bearer(eve.key) }
    const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body: text })
    expect(response.status).toBeLessThan(500)
  })
})

describe('values', () => {
  test('AUT-07: are no conditions of a query', async () => {
    const byId = 'query ($id: ID!) { node(id: $id) { id } }'
    const byFilter = 'query ($filter: OperationFilter) { operations(filter: $filter) { edges { cursor } } }'
    for (const id of [{ contains: '' }, { not: null }, ['a']])
      expect(await faultOf(byId, { id })).toMatchObject({ code: 'BAD_USER_INPUT' })
    for (const filter of [{ model: { contains: '' } }, { userId: { not: null } }, { OR: [] }])
      expect(await faultOf(byFilter, { filter })).toMatchObject({ code: 'BAD_USER_INPUT' })
  })

  test('are refused where they are nested or many, or an id is as long as a book', async () => {
    const text = (variables: string) => `{"query":"{ viewer { id } }","variables":${variables}}`
    const headers = { ...json, ...bearer(eve.key) }
    for (const variables of [
      `{"a":${nested(400_000, '[', ']', '"\\u0000"')}}`,
      `{"a":[${many(200_000, '1').replaceAll(' ', ',')}]}`,
    ]) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers,
        body: text(variables),
      })
      const answer = await response.text()
      expect(answer).toMatch(/JSON_TOO_DEEP|JSON_TOO_MANY_VALUES/)
      expect(answer.length).toBeLessThan(1_000)
    }
    expect(
      await faultOf('query ($id: ID!) { node(id: $id) { id } }', { id: 'x'.repeat(900_000) }),
    ).toMatchObject({
      reason: 'ID_MALFORMED',
    })
  })
})

describe('bytes', () => {
  const host = 'host: 127.0.0.1\r\n'
  const end = 'connection: close\r\n\r\n'
  const body = '{"query":"{ viewer { id } }"}'
  test.each<[string, string]>([
    ['no version of HTTP', 'GET /healthz\r\n\r\n'],
    ['two hosts', `GET /healthz HTTP/1.1\r\n${host}host: evil.example\r\n${end}`],
    ['__proto__', `GET /healthz HTTP/1.1\r\n${host}__proto__: x\r\n${end}`],
    ['two lengths', `POST /graphql HTTP/1.1\r\n${host}content-length: 5\r\ncontent-length: 6\r\n${end}`],
    [
      'a length and chunks',
      `POST /graphql HTTP/1.1\r\n${host}content-length: 5\r\ntransfer-encoding: chunked\r\n${end}0\r\n\r\n`,
    ],
    ['a signed length', `POST /graphql HTTP/1.1\r\n${host}content-length: +5\r\n${end}`],
    ['a folded header', `GET /healthz HTTP/1.1\r\n${host}a: b\r\n c\r\n${end}`],
    ['NUL in the path', `GET /heal\u0000thz HTTP/1.1\r\n${host}${end}`],
    ['an absolute address', `GET http://evil.example/healthz HTTP/1.1\r\n${host}${end}`],
    ['an address of another protocol', `GET //evil.example/healthz HTTP/1.1\r\n${host}${end}`],
    ['dots', `GET /images/../healthz HTTP/1.1\r\n${host}${end}`],
    ['a header of a megabyte', `GET /healthz HTTP/1.1\r\n${host}a: ${'x'.repeat(1_000_000)}\r\n${end}`],
    ['CONNECT', `CONNECT evil.example:443 HTTP/1.1\r\n${host}${end}`],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [
      'a compressed body',
      `POST /graphql HTTP/1.1\r\n${host}content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n${end}${body}`,
    ],
  ])('SYS-06: that are no honest request get one refusal at most: %s', async (_, text) => {
    const answer = await sendRaw(Number(new URL(gateway.url).port), text)
    expect(answer.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1)
    if (answer) expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  })

  test('MP-02: of a stranger are not read, whatever length was announced', async () => {
    const head = `POST /graphql HTTP/1.1\r\n${host}authorization: Bearer wrong\r\ncontent-type: multipart/form-data; boundary=x\r\n`
    const port = Number(new URL(gateway.url).port)
    const answer = await sendRaw(port, `${head}content-length: 800000000\r\n\r\n--x\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer).toMatch(/^connection: close\r$/im)
  })

  test('of uploads that never end keep nobody else from uploading', async () => {
    const ann = await gateway.invite('Ann')
    const headers = (key: string) => ({ ...bearer(key), 'content-type': 'multipart/form-data; boundary=x' })
    const part = (name: string, value: string) =>
      `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    const form = `${part('operations', '{"query":"{ viewer { id } }"}')}${part('map', '{}')}`
    const upload = (key: string) =>
      fetch(`${gateway.url}/graphql`, { method: 'POST', headers: headers(key), body: `${form}--x--\r\n` })
    const port = Number(new URL(gateway.url).port)
    const lines = Object.entries(headers(eve.key)).map(([name, value]) => `${name}: ${value}\r\n`)
    const held = await Promise.all(
      Array.from({ length: 20 }, () =>
        openRequest(
          port,
          `POST /graphql HTTP/1.1\r\n${host}${lines.join('')}content-length: 1000000\r\n\r\n${form}`,
        ),
      ),
    )
    await until(async () => (await upload(eve.key)).status === 429)
    expect((await upload(ann.key)).status).toBe(200)
    for (const socket of held) socket.destroy()
    await until(async () => (await upload(eve.key)).status === 200)
  })
})
