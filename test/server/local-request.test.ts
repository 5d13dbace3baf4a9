import type { IncomingMessage } from 'node:http'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRaw } from './multipart-kit.ts'
import { openToyGateway, type ToyGateway, viewerOf } from './toy-gateway.ts'

const page = async (request: Request) =>
  new URL(request.url).pathname === '/' ? new Response('the console') : null
const csv = { method: 'GET', path: '/usage.csv', points: 10, handle: async () => new Response('rows') }
const shared = { metrics: () => new Registry(), serveConsole: page, routes: [csv], graphiql: true }

let open: ToyGateway
let closed: ToyGateway
beforeAll(async () => {
  open = await openToyGateway({
    ...shared,
    metrics: shared.metrics(),
    authenticationRequired: false,
    authenticate: async () => viewerOf('local', 'ADMIN'),
  })
  closed = await openToyGateway({ ...shared, metrics: shared.metrics() })
})
afterAll(async () => {
  await open[Symbol.asyncDispose]()
  await closed[Symbol.asyncDispose]()
})

interface Asked {
  host?: string | null
  headers?: string
  version?: string
}

async function get(
  target: string,
  { host = 'localhost', headers = '', version = '1.1' }: Asked,
  { port } = open,
) {
  const { socket, received, closed: ended } = await openRaw(port)
  const hostLine = host === null ? '' : `host: ${host}\r\n`
  socket.write(`GET ${target} HTTP/${version}\r\n${hostLine}${headers}connection: close\r\n\r\n`)
  await ended
  const text = received()
  return { status: Number(text.slice(9, 12)), text }
}

const doors = [
  '/graphql?query={viewer}',
  '/graphql/stream?query={viewer}',
  '/usage.csv',
  '/metrics',
  '/',
  '/nothing',
]
const strangers: [string, Asked][] = [
  ...[
    'Forwarded: for=203.0.113.9',
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-For:',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: gateway.example',
    'X-Real-IP: 203.0.113.9',
    'Via: 1.1 proxy',
    'CF-Connecting-IP: 203.0.113.9',
    'True-Client-IP: 203.0.113.9',
  ].map((header): [string, Asked] => [header, { headers: `${header}\r\n` }]),
  ['a public host name', { host: 'gateway.example' }],
  ['a name that was pointed at this machine', { host: '127.0.0.1.evil.example' }],
  ['a host behind a user name', { host: 'evil.example@localhost' }],
  ['HTTP/1.0', { version: '1.0' }],
  ['HTTP/1.0 without a host', { version: '1.0', host: null }],
]

describe('without authentication', () => {
  it.each(doors.slice(0, -1))('a program on this machine comes in at %s', async (door) => {
    for (const host of ['localhost:4000', '127.0.0.1', '[::1]:4000', 'easel.localhost']) {
      expect(await get(door, { host })).toMatchObject({ status: 200 })
    }
  })

  it.each(strangers)('nothing is answered to a request with %s', async (_, asked) => {
    for (const door of doors) {
      const { status, text } = await get(door, asked)
      expect([door, status]).toEqual([door, 403])
      expect(text).toContain('REQUEST_NOT_LOCAL')
      expect(text).toContain('EASEL_AUTH=on')
    }
  })

  it('a request with two hosts is refused, whatever they are', async () => {
    for (const door of [...doors, '/healthz', '/images/1']) {
      for (const gateway of [open, closed]) {
        const answer = await get(door, { headers: 'host: localhost\r\n' }, gateway)
        expect([door, answer.status]).toEqual([door, 400])
        expect(answer.text).toContain('HEADER_INVALID')
      }
    }
  })

  it('GraphiQL too is for this machine alone', async () => {
    const headers = 'accept: text/html\r\n'
    expect((await get('/graphql', { headers })).text).toContain('<title>Easel</title>')
    expect(await get('/graphql', { headers, host: 'evil.example' })).toMatchObject({ status: 403 })
  })

  it('health and signed images are for everybody', async () => {
    for (const door of ['/healthz', '/readyz', '/images/1?sig=x']) {
      expect(await get(door, { host: 'gateway.example', headers: 'via: 1.1 proxy\r\n' })).toMatchObject({
        status: 200,
      })
    }
  })

  it.each([
    ['127.0.0.1', 200],
    ['::ffff:127.0.0.1', 200],
    ['10.0.0.7', 403],
    ['::ffff:10.0.0.7', 403],
    [undefined, 403],
  ])('a request from %s is answered with %d', async (remoteAddress, status) => {
    const req = { socket: { remoteAddress }, httpVersion: '1.1' } as IncomingMessage
    const request = new Request('http://localhost/graphql?query={viewer}', { headers: { host: 'localhost' } })
    expect((await open.gateway.fetch(request, { req })).status).toBe(status)
  })

  it('a call within the process is local, unless it names another host', async () => {
    const ask = (url: string, headers = {}) =>
      open.gateway.fetch(new Request(`${url}/graphql?query={viewer}`, { headers }))
    expect((await ask('http://localhost')).status).toBe(200)
    expect((await ask('https://gateway.example')).status).toBe(403)
    expect((await ask('http://localhost', { host: 'gateway.example' })).status).toBe(403)
  })
})

describe('with authentication', () => {
  it('strangers with a key come in', async () => {
    const headers = 'x-forwarded-for: 203.0.113.9\r\nauthorization: Bearer ann\r\n'
    const asked = { host: 'gateway.example', headers }
    expect(await get('/graphql?query={viewer}', asked, closed)).toMatchObject({ status: 200 })
  })

  it('metrics need no key on this machine alone', async () => {
    expect(await get('/metrics', {}, closed)).toMatchObject({ status: 200 })
    for (const [sign, asked] of strangers) {
      expect([sign, (await get('/metrics', asked, closed)).status]).toEqual([sign, 401])
    }
    const admin = { host: 'gateway.example', headers: 'authorization: Bearer root\r\n' }
    expect(await get('/metrics', admin, closed)).toMatchObject({ status: 200 })
  })
  it('metrics need a key on this machine too, unless the operator opens them', async () => {
    const key = { headers: 'authorization: Bearer root\r\n' }
    await using admins = await openToyGateway({
      ...shared,
      metrics: shared.metrics(),
      metricsAccess: 'admins',
    })
    expect(await get('/metrics', {}, admins)).toMatchObject({ status: 401 })
    expect(await get('/metrics', key, admins)).toMatchObject({ status: 200 })
    await using anybody = await openToyGateway({
      ...shared,
      metrics: shared.metrics(),
      metricsAccess: 'everybody',
    })
    for (const [sign, asked] of strangers) {
      expect([sign, (await get('/metrics', asked, anybody)).status]).toEqual([sign, 200])
    }
  })
})
