import { once } from 'node:events'
import { mkdtemp, readdir, rm, watch } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { edit, generate, makePhoto, openSandbox, postJson, readBody } from './sandbox-kit.ts'

describe('the sandbox', () => {
  it('says what it is', async () => {
    const sandbox = await openSandbox()
    const response = await fetch(sandbox.url)
    expect(await response.json()).toMatchObject({ name: 'Easel sandbox', note: 'not a real image model' })
    expect(response.headers.get('x-easel-sandbox')).toBe('not a real image model')
  })

  it('refuses unknown addresses and methods', async () => {
    const sandbox = await openSandbox()
    const unknown = await postJson(`${sandbox.url}/v1/images/upscales`, {})
    expect([unknown.status, (await readBody(unknown)).error.message]).toEqual([
      404,
      'Invalid URL (POST /v1/images/upscales)',
    ])
    expect((await fetch(`${sandbox.url}/v1/images/generations`)).status).toBe(405)
  })

  it.each([
    ['no key', {}, null],
    ['another key', { authorization: 'Bearer other' }, 'invalid_api_key'],
    ['another scheme', { authorization: 'Api-Key secret' }, 'invalid_api_key'],
  ])('refuses %s without telling the right one', async (_, headers, code) => {
    const sandbox = await openSandbox({ apiKey: 'secret' })
    const response = await generate(sandbox, {}, headers as Record<string, string>)
    const { error } = await readBody(response)
    expect([response.status, error.code, error.type]).toEqual([401, code, 'invalid_request_error'])
    expect(error.message).not.toContain('secret')
    expect(sandbox.requests()).toEqual([])
    expect((await generate(sandbox, {}, { authorization: 'Bearer secret' })).status).toBe(200)
  })

  it('keeps a ledger of what was asked and taken', async () => {
    const sandbox = await openSandbox({ now: () => 1234 })
    const files = [{ name: 'image[]', bytes: await makePhoto(32, 32) }]
    await (await edit(sandbox, { n: '2' }, files)).text()
    await generate(sandbox, { n: 0 }, { 'x-client-request-id': 'client-7' })
    await sandbox.until((requests) => requests.every(({ outcome }) => outcome === 'replied'))
    expect(sandbox.requests()).toMatchObject([
      {
        path: '/v1/images/edits',
        kind: 'edit',
        model: 'gpt-image-1',
        n: 2,
        at: 1234,
        paid: true,
        clientRequestId: null,
        outcome: 'replied',
        parameters: { model: 'gpt-image-1', prompt: 'a hill', n: 2 },
        files: [{ name: 'image[]', filename: 'picture.png', mimeType: 'image/png' }],
      },
      { kind: 'generation', model: null, paid: false, clientRequestId: 'client-7', status: 400 },
    ])
    expect(sandbox.counts()).toEqual({ requests: 2, paid: 1, refused: 1, polls: 0, images: 2 })
  })

  it('bounds its ledger', async () => {
    const sandbox = await openSandbox({ maxLedgerEntries: 2 })
    for (const n of [-1, -2, -3]) await generate(sandbox, { n, prompt: 'x'.repeat(5000) })
    expect(sandbox.requests().map(({ parameters }) => parameters.n)).toEqual([-2, -3])
    expect(String(sandbox.requests()[0]?.parameters.prompt)).toHaveLength(1000)
    expect(sandbox.counts().requests).toBe(3)
  })

  it('gives up waiting when told', async () => {
    const sandbox = await openSandbox()
    await expect(sandbox.until(() => false, AbortSignal.timeout(10))).rejects.toThrow('timeout')
  })
})

describe('the connection', () => {
  it('stays open from a refusal to the next request', async () => {
    const sandbox = await openSandbox({ maxBodyBytes: 1000 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    const send = async (body: string) => {
      const sent = request(`${sandbox.url}/v1/images/generations`, {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      })
      sent.end(body)
      const [response] = await once(sent, 'response')
      ports.add(response.socket.localPort)
      response.resume()
      await once(response, 'end')
      return response.statusCode
    }
    const good = JSON.stringify({ model: 'dall-e-2', prompt: 'a hill', size: '256x256' })
    expect([await send('{"n":'), await send(good), await send('{}')]).toEqual([400, 200, 400])
    expect(ports.size).toBe(1)
    agent.destroy()
  })

  it.each([true, false])('refuses a body beyond the limit (length announced: %s)', async (isAnnounced) => {
    const sandbox = await openSandbox({ maxBodyBytes: 10_000 })
    const body = JSON.stringify({ prompt: 'x'.repeat(20_000) })
    const stream = new Blob([body]).stream()
    const response = await fetch(`${sandbox.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(isAnnounced ? { body } : { body: stream, duplex: 'half' as const }),
    })
    expect(response.status).toBe(413)
    expect(sandbox.requests()).toMatchObject([{ paid: false }])
  })

  it('lets go of a client that leaves in the middle of its upload', async () => {
    const sandbox = await openSandbox()
    const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1')
    socket.write(
      'POST /v1/images/edits HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=X\r\n' +
        'content-length: 100000\r\n\r\n--X\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nhalf',
    )
    await sandbox.until((requests) => requests.length === 1)
    socket.destroy()
    await sandbox.until(([first]) => first?.outcome === 'broken')
    expect(sandbox.requests()).toMatchObject([{ paid: false, status: null }])
  })

  it('reads on what a refused client still sends, so that it can read the refusal', async () => {
    const sandbox = await openSandbox()
    const sent = request(`${sandbox.url}/v1/images/edits`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=X' },
    })
    const answered = once(sent, 'response')
    sent.write('--X\r\nContent-Disposition: form-data\r\n\r\nnameless\r\n')
    const rest = Buffer.alloc(30 * 1024 * 1024)
    await new Promise((resolve, reject) => {
      sent.once('error', reject)
      sent.end(rest, (error?: Error | null) => (error ? reject(error) : resolve(undefined)))
    })
    const [response] = await answered
    response.resume()
    expect(response.statusCode).toBe(400)
  })

  it('lets go of the files of a client that leaves', async () => {
    const tempFolder = await mkdtemp(join(tmpdir(), 'easel-leaving-test-'))
    const sandbox = await openSandbox({ tempFolder })
    const [folder = ''] = await readdir(tempFolder)
    sandbox.misbehave('hang')
    const leaving = new AbortController()
    const watching = watch(join(tempFolder, folder))
    const response = fetch(`${sandbox.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-image-1', prompt: 'a hill' }),
      signal: leaving.signal,
    })
    await sandbox.until(([first]) => first?.paid === true)
    expect(await readdir(join(tempFolder, folder))).toHaveLength(1)
    leaving.abort()
    await expect(response).rejects.toThrow('aborted')
    for await (const _ of watching) {
      if ((await readdir(join(tempFolder, folder))).length === 0) break
    }
    await rm(tempFolder, { recursive: true, force: true })
  })

  it('stops working for a client that leaves a stream', async () => {
    const sandbox = await openSandbox({ delayMs: 60_000 })
    const leaving = new AbortController()
    const response = fetch(`${sandbox.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-image-1', prompt: 'a hill', stream: true, partial_images: 3 }),
      signal: leaving.signal,
    })
    await sandbox.until(([first]) => first?.paid === true)
    leaving.abort()
    await expect(response).rejects.toThrow('aborted')
    await sandbox.until(([first]) => first?.outcome === 'broken')
    expect(sandbox.counts().images).toBe(0)
  })
})

describe('closing', () => {
  let tempFolder: string
  beforeEach(async () => {
    tempFolder = await mkdtemp(join(tmpdir(), 'easel-closing-test-'))
  })
  afterEach(() => rm(tempFolder, { recursive: true, force: true }))

  it('breaks off what is under way, removes its folder and can be asked twice', async () => {
    const sandbox = await startSandbox({ delayMs: 60_000, tempFolder })
    const response = generate(sandbox, {})
    response.catch(() => {})
    await sandbox.until(([first]) => first?.paid === true)
    expect(await readdir(tempFolder)).toHaveLength(1)
    await Promise.all([sandbox.close(), sandbox.close()])
    await expect(response).rejects.toThrow('fetch failed')
    await expect(fetch(sandbox.url)).rejects.toThrow('fetch failed')
    expect(await readdir(tempFolder)).toEqual([])
  })

  it('does not wait for requests that stand in line on one connection', async () => {
    const sandbox = await startSandbox({ tempFolder })
    sandbox.misbehave('hang', { times: 2 })
    const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1')
    socket.on('error', () => {})
    const body = JSON.stringify({ model: 'gpt-image-1', prompt: 'a hill' })
    const head = 'POST /v1/images/generations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
    const text = `${head}content-length: ${body.length}\r\n\r\n${body}`
    socket.write(text + text)
    await sandbox.until((requests) => requests.filter(({ paid }) => paid).length === 2)
    await sandbox.close()
    expect(await readdir(tempFolder)).toEqual([])
    socket.destroy()
  })

  it('follows its signal', async () => {
    const stopping = new AbortController()
    const sandbox = await startSandbox({ signal: stopping.signal, tempFolder })
    stopping.abort()
    await sandbox.close()
    await expect(fetch(sandbox.url)).rejects.toThrow('fetch failed')
  })

  it('leaves nothing behind when its port is taken', async () => {
    const sandbox = await openSandbox()
    const port = Number(new URL(sandbox.url).port)
    await expect(startSandbox({ port, tempFolder })).rejects.toThrow('EADDRINUSE')
    expect(await readdir(tempFolder)).toEqual([])
  })

  it('keeps no upload longer than its request', async () => {
    const sandbox = await openSandbox({ tempFolder })
    const files = [{ name: 'image', bytes: await makePhoto(32, 32) }]
    await (await edit(sandbox, {}, files)).text()
    await sandbox.close()
    const again = await openSandbox({ tempFolder })
    await (await edit(again, { n: '0' }, files)).text()
    const [folder = ''] = await readdir(tempFolder)
    expect(await readdir(join(tempFolder, folder))).toEqual([])
  })
})
