import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rawId } from '../kit/client/global-id.ts'
import { accepted, ended, readOperation } from '../kit/client/operation-client.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { type FaultProxy, startFaultProxy } from '../kit/network/fault-proxy.ts'
import { photoFile } from '../kit/photo.ts'
import { startS3Server } from '../kit/storage/s3-server.ts'
import { until } from '../kit/until.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

describe('a gateway whose bucket is away', () => {
  let server: Awaited<ReturnType<typeof startS3Server>>
  let wire: FaultProxy
  let provider: ScriptedUpstream
  let gateway: TestGateway

  beforeAll(async () => {
    server = await startS3Server('bucket')
    wire = await startFaultProxy({ port: Number(new URL(server.endpoint).port) })
    provider = await startScriptedUpstream()
    // The SDK looks for keys where Amazon's tools look.
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key' })
    gateway = await startTestGateway({
      env: { EASEL_STORAGE: `s3://bucket?endpoint=http://127.0.0.1:${wire.port}&region=us-east-1` },
      file: `
providers:
  - { name: paid, preset: openai, apiKey: sk-test, baseUrl: "${provider.url}/v1", models: [gpt-image-2] }`,
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await wire.close()
    await provider.close()
    await server.close()
  })

  const ready = async () => {
    const response = await fetch(`${gateway.url}/readyz`)
    return `${response.status} ${(await response.text()).trim()}`
  }
  const breakOff = async () => {
    await wire.refuse(true)
    wire.reset()
    await until(async () => (await ready()) !== '200 ready')
  }

  test('says so in its readiness, pays for nothing, and goes on once it is back', async () => {
    await until(async () => (await ready()) === '200 ready')
    await breakOff()
    expect(await ready()).toBe('503 not ready: the storage of the images does not work')

    const prompt = 'an image for no bucket'
    const id = await accepted(gateway, { prompt })
    await until(async () => (await readOperation(gateway, id)).metadata.stage === 'WAITING_FOR_STORAGE')
    const { prisma } = gateway.database
    const epoch = async () =>
      (await prisma.operation.findUniqueOrThrow({ where: { id: rawId(id) } })).leaseEpoch
    const before = await epoch()
    await until(async () => (await epoch()) > before + 1)
    expect(provider.paidFor(prompt)).toBe(0)

    await wire.refuse(false)
    expect(await ended(gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(provider.paidFor(prompt)).toBe(1)
    const events = await prisma.operationEvent.findMany({
      where: { operationId: rawId(id) },
      orderBy: { sequence: 'asc' },
    })
    expect(events.map(({ stage }) => stage).filter((stage) => stage === 'WAITING_FOR_STORAGE')).toHaveLength(
      1,
    )
    await until(async () => (await ready()) === '200 ready')
  })

  test('refuses an upload by the name of the part that is away', async () => {
    await breakOff()
    const { errors } = await gateway.upload(
      'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }',
      { input: { image: [{ upload: null }], prompt: 'an upload for no bucket', model: 'paid/gpt-image-2' } },
      { 'input.image.0.upload': await photoFile() },
    )
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'STORAGE_UNAVAILABLE',
      retryable: true,
      retryAfterMs: expect.any(Number),
    })
    await wire.refuse(false)
    await until(async () => (await ready()) === '200 ready')
  })

  test('ends what waited for it too long by that reason, and charges nobody', async () => {
    await breakOff()
    const prompt = 'an image that waits too long'
    const id = await accepted(gateway, { prompt })
    await until(async () => (await readOperation(gateway, id)).metadata.stage === 'WAITING_FOR_STORAGE')
    await gateway.database.prisma.operation.update({
      where: { id: rawId(id) },
      data: { deadlineAt: new Date() },
    })
    expect(await ended(gateway, id)).toMatchObject({
      status: 'FAILED',
      error: { reason: 'STORAGE_UNAVAILABLE' },
    })
    expect(provider.paidFor(prompt)).toBe(0)
    await wire.refuse(false)
  })
})
