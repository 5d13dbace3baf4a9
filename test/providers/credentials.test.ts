import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CredentialOptions, createCredentials } from '../../src/providers/credentials.ts'
import { openAiPresets } from '../../src/providers/dialects/openai/openai-presets.ts'
import { openProviders, today } from '../kit/rooms/open-providers.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { makeRequest, record } from './call-kit.ts'

let folder: string
let now = today

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-credentials-'))
  now = today
})

afterEach(() => rm(folder, { recursive: true }))

const { signal } = new AbortController()
const schemes = { Bearer: openAiPresets.openai, 'Api-Key': openAiPresets['yandex-ai-studio'] }
const open = (options: CredentialOptions, scheme: keyof typeof schemes = 'Bearer') =>
  createCredentials(options, { authorize: schemes[scheme].authorize, now: () => now })

test.each([
  [{ apiKey: 'k' }, 'Bearer', { authorization: 'Bearer k' }],
  [{ apiKey: 'k' }, 'Api-Key', { authorization: 'Api-Key k' }],
  [{ apiKey: 'k', iamToken: 't1.x' }, 'Api-Key', { authorization: 'Bearer t1.x' }],
  [{ organization: 'o', project: 'p' }, 'Bearer', { 'openai-organization': 'o', 'openai-project': 'p' }],
  [{}, 'Bearer', {}],
] as const)('sends %j by the scheme %s as %j', async (options, scheme, headers) => {
  expect(await open(options, scheme).headers(signal)).toEqual(headers)
})

test('asks the command for a token, keeps it a while, and asks again when it was refused', async () => {
  const count = join(folder, 'count')
  const credentials = open({ iamTokenCommand: `echo x >> ${count}; echo t1.$(wc -l < ${count})` })
  const token = async () => (await credentials.headers(signal)).authorization
  expect(await token()).toBe('Bearer t1.1')
  expect(await token()).toBe('Bearer t1.1')
  expect(credentials.secrets()).toContain('t1.1')
  credentials.renew()
  expect(await token()).toBe('Bearer t1.2')
  now = new Date(now.getTime() + 11 * 60_000)
  expect(await token()).toBe('Bearer t1.3')
  expect(await readFile(count, 'utf8')).toBe('x\nx\nx\n')
})

test.each(['exit 1', 'echo', 'echo two words'])(
  'sends nothing when the command is %s',
  async (iamTokenCommand) => {
    const upstream = await startScriptedUpstream()
    upstream.script(replyJson({}))
    const providers = openProviders([
      { name: 'art', preset: 'yandex-art', baseUrl: upstream.url, iamTokenCommand, folderId: 'b1g' },
    ])
    const { error } = await record(providers, 'art/yandex-art', makeRequest())
    expect(error).toMatchObject({ certainty: 'UNSENT', reason: 'UPSTREAM_AUTH' })
    expect(upstream.requests).toHaveLength(0)
    await providers.close()
    await upstream.close()
  },
)
