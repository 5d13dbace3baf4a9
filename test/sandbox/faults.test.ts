import { describe, expect, it } from 'vitest'
import type { FaultText } from '../../src/sandbox/faults.ts'
import { generate, openSandbox, readBody } from './sandbox-kit.ts'

describe('a fault', () => {
  it.each([
    ['429', 429, 'requests', 'rate_limit_exceeded', false],
    ['429-quota', 429, 'insufficient_quota', 'insufficient_quota', false],
    ['500', 500, 'server_error', null, false],
    ['503', 503, 'service_unavailable_error', 'server_is_overloaded', false],
    ['moderation', 400, 'image_generation_user_error', 'moderation_blocked', false],
    ['moderation-output', 400, 'image_generation_user_error', 'moderation_blocked', true],
  ] as [FaultText, number, string, string | null, boolean][])(
    '%s answers %d',
    async (fault, status, type, code, paid) => {
      const sandbox = await openSandbox()
      sandbox.misbehave(fault)
      const response = await generate(sandbox, {})
      expect(response.status).toBe(status)
      expect((await readBody(response)).error).toMatchObject({ type, code, param: null })
      expect(sandbox.requests()).toMatchObject([{ fault, paid, status }])
      expect((await generate(sandbox, {})).status).toBe(200)
    },
  )

  it('says when to come back after a 429', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('429=7')
    expect((await generate(sandbox, {})).headers.get('retry-after')).toBe('7')
  })

  it.each([
    ['moderation', 'input'],
    ['moderation-output', 'output'],
  ] as [FaultText, string][])('%s names the stage', async (fault, moderation_stage) => {
    const sandbox = await openSandbox()
    sandbox.misbehave(fault)
    const { error } = await readBody(await generate(sandbox, {}))
    expect(error).toMatchObject({ moderation_details: { moderation_stage, categories: ['violence'] } })
  })

  it('moderation keeps the older code at dall-e', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('moderation')
    const { error } = await readBody(await generate(sandbox, { model: 'dall-e-2' }))
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'content_policy_violation' })
  })

  it('moderation-output ends a stream by an error after the first partial image', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('moderation-output', { times: 2 })
    const text = await (await generate(sandbox, { stream: true, partial_images: 3 })).text()
    const events = [...text.matchAll(/^event: (.+)$/gm)].map((match) => match[1])
    expect(events).toEqual(['image_generation.partial_image', 'error'])
    expect(text).toContain('\ndata: {"error":{"message":"Your request was rejected')
    const bare = await (await generate(sandbox, { stream: true })).text()
    expect(bare).toMatch(/^event: error\ndata: \{"error":.*\}\n\n$/)
  })

  it('502-html answers a page', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('502-html')
    const response = await generate(sandbox, {})
    expect(response.status).toBe(502)
    expect(response.headers.get('content-type')).toBe('text/html')
    expect(await response.text()).toContain('<h1>502 Bad Gateway</h1>')
  })

  it('wrong-content-type disguises JSON and streams', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('wrong-content-type', { times: 2 })
    const whole = await generate(sandbox, {})
    expect(whole.headers.get('content-type')).toBe('text/plain')
    expect((await readBody(whole)).data).toHaveLength(1)
    const stream = await generate(sandbox, { stream: true })
    expect(stream.headers.get('content-type')).toBe('application/octet-stream')
    expect(await stream.text()).toMatch(/^event: image_generation.completed\n/)
  })

  it('empty-data answers no image', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('empty-data', { times: 2 })
    expect((await readBody(await generate(sandbox, {}))).data).toEqual([])
    expect(await (await generate(sandbox, { stream: true })).text()).toContain('"b64_json":""')
  })

  it('fewer answers one image less and bills so', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('fewer', { times: 3 })
    const body = await readBody(await generate(sandbox, { n: 3, quality: 'low' }))
    expect(body.data).toHaveLength(2)
    expect(body.usage.output_tokens).toBe(544)
    const text = await (await generate(sandbox, { n: 2, stream: true })).text()
    expect(text.match(/^event:/gm)).toHaveLength(1)
    expect(await (await generate(sandbox, { n: 1, stream: true })).text()).toBe('')
  })

  it('no-usage leaves the usage out', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('no-usage', { times: 2 })
    expect(Object.keys(await readBody(await generate(sandbox, {})))).not.toContain('usage')
    expect(await (await generate(sandbox, { stream: true })).text()).not.toContain('usage')
    expect(sandbox.requests()[0]?.usage).toMatchObject({ output_tokens: 1056 })
  })

  it('slow keeps the reply back', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('slow=150')
    const startedAt = performance.now()
    expect((await generate(sandbox, {})).status).toBe(200)
    expect(performance.now() - startedAt).toBeGreaterThan(140)
  })

  it('reset ends the connection after the work was taken', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('reset')
    await expect(generate(sandbox, {})).rejects.toThrow('fetch failed')
    await sandbox.until(([first]) => first?.outcome === 'broken')
    expect(sandbox.requests()).toMatchObject([{ paid: true, status: null }])
  })

  it('hang never answers until the client leaves', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('hang')
    const leaving = new AbortController()
    const response = fetch(`${sandbox.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-image-1', prompt: 'a hill' }),
      signal: leaving.signal,
    })
    await sandbox.until(([first]) => first?.paid === true)
    leaving.abort()
    await expect(response).rejects.toThrow('aborted')
    await sandbox.until(([first]) => first?.outcome === 'broken')
  })

  it.each([0, 2])('cut-stream breaks a stream of %d partial images off', async (partial_images) => {
    const sandbox = await openSandbox()
    sandbox.misbehave('cut-stream')
    const response = await generate(sandbox, { stream: true, partial_images })
    let text = ''
    const read = async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    }
    await expect(read()).rejects.toThrow('terminated')
    expect(text.match(/^event:/gm)).toHaveLength(1)
    expect(text.endsWith('\n\n')).toBe(partial_images > 0)
    await sandbox.until(([first]) => first?.outcome === 'broken')
    expect(sandbox.requests()).toMatchObject([{ paid: true }])
  })

  it('cut-stream sends half of a JSON body', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('cut-stream')
    const response = await generate(sandbox, {})
    await expect(response.text()).rejects.toThrow('terminated')
  })
})

describe('the choice of a fault', () => {
  it('takes the header before the marker before the queue', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('500')
    const prompt = 'a hill [sandbox:503]'
    expect((await generate(sandbox, { prompt }, { 'x-sandbox-fault': '429' })).status).toBe(429)
    expect((await generate(sandbox, { prompt })).status).toBe(503)
    expect((await generate(sandbox, {})).status).toBe(500)
    expect((await generate(sandbox, {})).status).toBe(200)
  })

  it('lasts as often as told and can be called off', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('500', { times: 2 })
    expect((await generate(sandbox, {})).status).toBe(500)
    expect((await generate(sandbox, {})).status).toBe(500)
    expect((await generate(sandbox, {})).status).toBe(200)
    sandbox.misbehave('500', { times: 9 })
    sandbox.behave()
    expect((await generate(sandbox, {})).status).toBe(200)
  })

  it('spares requests that are refused anyway, and paths that were not meant', async () => {
    const sandbox = await openSandbox()
    sandbox.misbehave('500')
    sandbox.misbehave('503', { path: '/v1/images/edits' })
    expect((await generate(sandbox, { n: 0 })).status).toBe(400)
    expect((await generate(sandbox, {})).status).toBe(500)
    expect((await generate(sandbox, {})).status).toBe(200)
  })

  it('can spoil the download of a picture', async () => {
    const sandbox = await openSandbox()
    const body = await readBody(await generate(sandbox, { model: 'dall-e-2', size: '256x256' }))
    const url = body.data[0]?.url ?? ''
    sandbox.misbehave('502-html', { path: '/files/' })
    sandbox.misbehave('cut-stream', { path: '/files/' })
    expect((await fetch(url)).status).toBe(502)
    await expect((await fetch(url)).arrayBuffer()).rejects.toThrow('terminated')
    expect((await fetch(url)).status).toBe(200)
  })

  it('refuses names it does not know', async () => {
    const sandbox = await openSandbox()
    expect(() => sandbox.misbehave('explode' as FaultText)).toThrow('Unknown fault')
    const response = await generate(sandbox, {}, { 'x-sandbox-fault': 'explode' })
    expect((await readBody(response)).error.message).toContain('Known: 429')
    expect((await generate(sandbox, { prompt: '[sandbox:explode]' })).status).toBe(200)
  })
})
