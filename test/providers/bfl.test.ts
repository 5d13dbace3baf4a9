import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Providers } from '../../src/providers/providers.ts'
import { findReach } from '../../src/providers/transport/address-guard.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { reply, replyJson, writeHead } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import {
  collect,
  makeRequest,
  makeSource,
  pixel,
  type Recorded,
  record,
  startRecording,
  typesOf,
} from './call-kit.ts'
import { passTimeByTurns } from './passing-time.ts'

/** Takes the tasks. */
let api: ScriptedUpstream
/** Knows them: a host of its own, with the results. */
let cluster: ScriptedUpstream
let providers: Providers

beforeEach(async () => {
  api = await startScriptedUpstream()
  cluster = await startScriptedUpstream()
  providers = openProviders([{ name: 'flux', preset: 'bfl', baseUrl: `${api.url}/v1`, apiKey: 'bfl-secret' }])
})

afterEach(async () => {
  await providers.close()
  await api.close()
  await cluster.close()
})

const model = 'flux/flux-2-pro'

const submitted = (id: string, more: object = {}) =>
  replyJson({ id, polling_url: `${cluster.url}/v1/get_result?id=${id}`, cost: 4.5, ...more })
const task = (status: string, more: object = {}) => ({
  id: 'task-1',
  status,
  result: null,
  progress: null,
  details: null,
  ...more,
})
/** A result must lie at a public host or at the provider's own address. */
const ready = (more: object = {}) =>
  task('Ready', { result: { sample: `${api.url}/results/a.jpg`, seed: 42, duration: 3.1 }, ...more })
const image = reply(pixel, { contentType: 'image/jpeg' })

const askedOf = ({ requests }: ScriptedUpstream) => requests.map(({ method, path }) => `${method} ${path}`)
const poll = 'GET /v1/get_result?id=task-1'
const bodyOf = (upstream: ScriptedUpstream, at = 0) =>
  JSON.parse(upstream.requests[at]?.body.toString() ?? '') as Record<string, unknown>

function find() {
  const found = providers.find(model)
  if (!found) throw new Error('no model')
  return found
}

describe('a call of FLUX', () => {
  test('submits once, asks at the address it was given, and fetches the image at once', async () => {
    api.script(submitted('task-1'), image)
    cluster.script(
      replyJson(task('Pending')),
      replyJson(task('Reasoning')),
      replyJson(task('Generating', { progress: 0.5 })),
      replyJson(task('A word of tomorrow')),
      replyJson(ready({ cost: 3 })),
    )
    const recorded = await record(providers, model, makeRequest({ size: '1536x1024', seed: 7n }))
    expect(recorded.error).toBeNull()
    expect(recorded.events).toMatchObject([
      { type: 'responded', httpStatus: 200 },
      { type: 'image', index: 0, image: pixel },
      { type: 'completed', facts: { usage: { cost: { micros: 30_000, currency: 'USD' } } } },
    ])
    expect(askedOf(api)).toEqual(['POST /v1/flux-2-pro', 'GET /results/a.jpg'])
    expect(askedOf(cluster)).toEqual([poll, poll, poll, poll, poll])
    expect(bodyOf(api)).toEqual({
      prompt: 'a red rose on a white table',
      width: 1536,
      height: 1024,
      seed: 7,
    })
    expect(api.requests[0]?.headers).toMatchObject({ 'x-key': 'bfl-secret' })
    expect(cluster.requests[0]?.headers).toMatchObject({ 'x-key': 'bfl-secret' })
    expect(api.requests[0]?.headers.authorization).toBeUndefined()
    expect(recorded).toMatchObject({ sent: 1, submitted: ['task-1'], isSpoolEnded: true })
  })

  test('sends the images of an edit as plain base64, a task for each image asked for', async () => {
    const sources = [Buffer.from('first'), Buffer.from('the second one')]
    api.script(submitted('task-1'), submitted('task-2'), image)
    cluster.script(replyJson(ready()), replyJson({ ...ready(), id: 'task-2' }))
    const request = makeRequest({
      kind: 'EDIT',
      n: 2,
      outputFormat: 'PNG',
      images: sources.map((bytes) => makeSource(bytes)),
    })
    const recorded = await record(providers, model, request)
    expect(recorded.error).toBeNull()
    expect(bodyOf(api)).toEqual({
      prompt: 'a red rose on a white table',
      output_format: 'png',
      input_image: sources[0]?.toString('base64'),
      input_image_2: sources[1]?.toString('base64'),
    })
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'image', 'completed'])
    // The submits said what each costs; the answers did not.
    expect(recorded.events.at(-1)).toMatchObject({ facts: { usage: { cost: { micros: 90_000 } } } })
  })

  test.each([
    [402, { detail: 'Insufficient credits' }, 'QUOTA_EXHAUSTED'],
    [403, { detail: 'Not authenticated' }, 'UPSTREAM_AUTH'],
    [422, { detail: [{ loc: ['body', 'width'], msg: 'multiple of 16' }] }, 'UPSTREAM_INVALID_REQUEST'],
    [429, { error: 'rate_limit', message: 'Too many active tasks' }, 'RATE_LIMITED'],
  ])('was not carried out when the submission is answered with %i', async (status, body, reason) => {
    api.script(replyJson(body, { status, headers: { 'retry-after': '7' } }))
    const { error, submitted: jobs } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'REFUSED', reason, retryAfterMs: 7000 })
    expect(jobs).toEqual([])
  })

  test('is of unknown outcome when the submission is cut off', async () => {
    api.script(({ reset }) => reset())
    expect((await record(providers, model, makeRequest())).error).toMatchObject({ certainty: 'UNKNOWN' })
  })

  test.each([
    ['Request Moderated', {}, 'REFUSED', 'CONTENT_REFUSED'],
    ['Request Moderated', { cost: 1 }, 'FAILED', 'CONTENT_REFUSED'],
    ['Content Moderated', { cost: 0 }, 'REFUSED', 'CONTENT_REFUSED'],
    ['Content Moderated', {}, 'FAILED', 'CONTENT_REFUSED'],
    ['Error', {}, 'FAILED', 'UPSTREAM_FAILED'],
    ['Failed', { cost: 0 }, 'REFUSED', 'UPSTREAM_FAILED'],
    ['Task not found', {}, 'FAILED', 'RESULT_EXPIRED'],
    ['Ready', { result: {} }, 'FAILED', 'NO_IMAGE'],
  ])('ends when the task is %s with %j', async (status, more, certainty, reason) => {
    api.script(submitted('task-1'))
    cluster.script(replyJson(task(status, more)))
    const recorded = await record(providers, model, makeRequest())
    expect(recorded.error).toMatchObject({ certainty, reason })
    expect(askedOf(cluster)).toEqual([poll])
    await expectSameFromSpool(recorded)
  })

  test('tells why a prompt was refused', async () => {
    api.script(submitted('task-1'))
    const details = { 'Moderation Reasons': ['Derivative Works Filter'] }
    cluster.script(replyJson(task('Request Moderated', { details })))
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({
      retryable: false,
      details: [{ stage: 'input', categories: ['Derivative Works Filter'] }],
    })
  })

  test('takes a last word that comes with a 503, and no other 503, for an answer', async () => {
    api.script(submitted('task-1'))
    cluster.script(
      reply('<html>', { status: 503 }),
      replyJson({ detail: 'busy' }, { status: 429 }),
      replyJson(task('Content Moderated', { cost: 0 }), { status: 503 }),
    )
    const recorded = await record(providers, model, makeRequest())
    expect(recorded.error).toMatchObject({ certainty: 'REFUSED', reason: 'CONTENT_REFUSED' })
    await expectSameFromSpool(recorded)
  })

  test('is lost, and maybe paid, when nobody knows its task', async () => {
    api.script(submitted('task-1'))
    cluster.script(replyJson({ detail: 'Task not found' }, { status: 404 }))
    const recorded = await record(providers, model, makeRequest())
    expect(recorded.error).toMatchObject({ certainty: 'FAILED', reason: 'RESULT_EXPIRED', mayBePaid: true })
    await expectSameFromSpool(recorded)
  })

  test('asks once more for an address that no longer has the image', async () => {
    const gone = reply('expired', { status: 403 })
    api.script(submitted('task-1'), gone, gone, gone, image)
    cluster.script(replyJson(ready()))
    const recorded = await record(providers, model, makeRequest())
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'completed'])
    expect(askedOf(cluster)).toEqual([poll, poll])
  })

  test('keeps no spool as whole in which the answer to the second question was cut', async () => {
    const gone = reply('expired', { status: 403 })
    api.script(submitted('task-1'), gone)
    const cut: Script = async ({ write, reset }) => {
      await write(`${writeHead({ headers: { 'content-length': '9000' } })}{"id":"task-1","sta`)
      reset()
    }
    cluster.script(replyJson(ready()), cut)
    const recorded = await record(providers, model, makeRequest())
    expect(recorded).toMatchObject({
      error: { reason: 'UPSTREAM_RESULT_UNREACHABLE' },
      isSpoolEnded: false,
    })
  })

  test('has lost an image that no address has, and does not make another one', async () => {
    const gone = reply('expired', { status: 403 })
    api.script(submitted('task-1'), gone)
    cluster.script(replyJson(ready()))
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ reason: 'UPSTREAM_RESULT_UNREACHABLE', mayBePaid: true })
    expect(api.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  test('keeps a task at a foreign address, and gives the key to nobody', async () => {
    api.script(
      submitted('task-1', { polling_url: `http://localhost:${cluster.port}/v1/get_result?id=task-1` }),
    )
    const recorded = await record(providers, model, makeRequest())
    expect(recorded.error).toMatchObject({ certainty: 'UNKNOWN', upstreamCode: 'FOREIGN_ADDRESS' })
    expect(recorded.submitted).toEqual(['task-1'])
    expect(cluster.requests).toEqual([])
  })

  test('asks the host that took the task where the address is relative, or is none', async () => {
    api.script(submitted('task-1', { polling_url: '/v1/get_result?id=task-1' }), replyJson(ready()), image)
    expect((await record(providers, model, makeRequest())).error).toBeNull()
    api.script(submitted('task-1', { polling_url: null }), replyJson(ready()), image)
    expect((await record(providers, model, makeRequest())).error).toBeNull()
    expect(askedOf(api).filter((asked) => asked === poll)).toHaveLength(2)
  })

  test('is of unknown outcome when time is over before the task is done', async () => {
    passTimeByTurns()
    api.script(submitted('task-1'))
    cluster.script(replyJson(task('Pending')))
    const { error } = await record(providers, model, makeRequest(), { totalTimeoutMs: 200 })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'DEADLINE_EXCEEDED' })
  })

  test('may not be submitted again where one of several tasks was paid for', async () => {
    api.script(submitted('task-1'), submitted('task-2'))
    cluster.script(
      replyJson(task('Failed', { cost: 0 })),
      replyJson(task('Error', { id: 'task-2', cost: 3 })),
    )
    const { error } = await record(providers, model, makeRequest({ n: 2 }))
    expect(error).toMatchObject({ certainty: 'FAILED', maySendAgain: false })
  })
})

describe('after a restart', () => {
  test('goes on asking at the address it was given, and never submits', async () => {
    let kept: unknown = null
    api.script(submitted('task-1'))
    cluster.script(replyJson(task('Pending')))
    const stop = new Error('killed')
    await record(providers, model, makeRequest(), {
      onSubmitted: async (job) => {
        kept = JSON.parse(JSON.stringify(job))
        throw stop
      },
    })
    expect(kept).toEqual({
      id: 'task-1',
      pollingUrl: `${cluster.url}/v1/get_result?id=task-1`,
      credits: 4.5,
    })
    api.script(image)
    cluster.script(replyJson(task('Generating')), replyJson(ready()))
    const { recorded, callOptions } = startRecording()
    await collect(recorded, providers.resume(find(), makeRequest(), [kept as { id: string }], callOptions))
    expect(typesOf(recorded)).toEqual(['image', 'completed'])
    expect(recorded.events.at(-1)).toMatchObject({ facts: { usage: { cost: { micros: 45_000 } } } })
    expect(recorded.sent).toBe(0)
    expect(askedOf(api)).toEqual(['POST /v1/flux-2-pro', 'GET /results/a.jpg'])
  })

  test('fetches the image of a spooled answer again, from a new address if the old one has died', async () => {
    api.script(submitted('task-1'), image)
    cluster.script(replyJson(ready()))
    const recorded = await record(providers, model, makeRequest())
    const again = await replayed(recorded)
    expect(again.events).toEqual(recorded.events.slice(1))
    expect(askedOf(cluster)).toEqual([poll])
    const gone: Script = reply('expired', { status: 403 })
    api.script(gone, gone, gone, image)
    expect((await replayed(recorded)).events).toEqual(recorded.events.slice(1))
    expect(askedOf(cluster)).toEqual([poll, poll])
  })
})

describe('the hosts that get the key', () => {
  const baseUrl = new URL('https://api.bfl.ai/v1')
  test.each([
    ['https://api.bfl.ai/v1/get_result?id=1', 'own'],
    ['https://api.eu1.bfl.ai/v1/get_result?id=1', 'public'],
    ['http://api.eu1.bfl.ai/v1/get_result?id=1', null],
    ['https://api.eu1.bfl.ai:8443/v1/get_result?id=1', null],
    ['https://api.bfl.ai.example.com/v1/get_result', null],
    ['https://evilbfl.ai/v1/get_result', null],
    ['https://user:word@api.bfl.ai/v1/get_result', null],
    ['https://169.254.169.254/latest', null],
  ])('%s: %s', (address, reach) => {
    expect(findReach(new URL(address), { baseUrl, domain: 'bfl.ai' })).toBe(reach)
  })

  test('are not those of the domain where another server stands in for it', () => {
    const proxy = { baseUrl: new URL('https://proxy.example.com/v1'), domain: 'bfl.ai' }
    expect(findReach(new URL('https://api.eu1.bfl.ai/v1/get_result'), proxy)).toBeNull()
  })
})

async function replayed(recorded: Recorded): Promise<Recorded> {
  const again = startRecording()
  const spool = (async function* () {
    yield recorded.spool
  })()
  return collect(again.recorded, providers.replay(find(), makeRequest(), spool, again.callOptions.openSink))
}

/** What was spooled says the same when it is read again. */
async function expectSameFromSpool(recorded: Recorded): Promise<void> {
  expect(recorded.isSpoolEnded).toBe(true)
  const { error } = await replayed(recorded)
  const { certainty, reason } = recorded.error as { certainty: string; reason: string }
  expect(error).toMatchObject({ certainty, reason })
}
