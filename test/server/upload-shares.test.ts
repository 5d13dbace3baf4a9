import { afterEach, describe, expect, it, vi } from 'vitest'
import { EaselError } from '../../src/errors.ts'
import { createUploadShares } from '../../src/server/upload/upload-shares.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'

afterEach(() => void vi.useRealTimers())

type Limits = Parameters<typeof createUploadShares>[0]

/** Opens uploads and tells the order in which they begin. */
function createDesk(limits: Partial<Limits> = {}) {
  const shares = createUploadShares({ ...defaultLimits.requests, ...limits })
  const begun: string[] = []
  const open = async (userId: string, { name = userId, signal = new AbortController().signal } = {}) => {
    const share = await shares.open(userId, signal)
    begun.push(name)
    return share
  }
  return { open, begun }
}

const refusalOf = async (work: () => unknown) => {
  const error = await Promise.resolve()
    .then(work)
    .catch((cause: unknown) => cause)
  if (!(error instanceof EaselError)) throw new Error('expected a refusal', { cause: error })
  return { code: error.code, ...error.details }
}

describe('the uploads of one user', () => {
  it('are received a few at a time, in the order of their arrival, and nobody else waits for them', async () => {
    const { open, begun } = createDesk({ maxUploadsPerUser: 2 })
    const names = ['first', 'second', 'third', 'fourth']
    const eve = names.map((name) => open('eve', { name }))
    await open('ann')
    expect(begun).toEqual(['first', 'second', 'ann'])
    for (const upload of eve) (await upload).endBody()
    expect(begun).toEqual(['first', 'second', 'ann', 'third', 'fourth'])
  })

  it('are refused beyond those that may wait', async () => {
    const { open } = createDesk({ maxUploadsPerUser: 1, maxWaitingUploadsPerUser: 1 })
    const first = await open('eve')
    const second = open('eve')
    expect(await refusalOf(() => open('eve'))).toEqual({
      code: 'RATE_LIMITED',
      reason: 'TOO_MANY_UPLOADS_OF_USER',
      allowed: 1,
      retryAfterMs: 2_000,
    })
    first.endBody()
    await second
  })

  it('are refused when they have waited long, and their places stay those of the others', async () => {
    vi.useFakeTimers()
    const { open, begun } = createDesk({ maxUploadsPerUser: 1 })
    const first = await open('eve')
    const late = refusalOf(() => open('eve', { name: 'late' }))
    await vi.advanceTimersByTimeAsync(defaultLimits.requests.uploadWaitMs)
    expect(await late).toMatchObject({ code: 'RATE_LIMITED', reason: 'TOO_MANY_UPLOADS_OF_USER' })
    const patient = open('eve', { name: 'patient' })
    first.endBody()
    await patient
    expect(begun).toEqual(['eve', 'patient'])
  })

  it('give up their turn when their client leaves', async () => {
    const { open, begun } = createDesk({ maxUploadsPerUser: 1 })
    const first = await open('eve')
    const left = new AbortController()
    const second = open('eve', { name: 'left', signal: left.signal })
    const third = open('eve', { name: 'third' })
    left.abort(new Error('left'))
    await expect(second).rejects.toThrow('left')
    first.endBody()
    await third
    expect(begun).toEqual(['eve', 'third'])
  })

  it('take no places of all users while they wait', async () => {
    const { open } = createDesk({ maxUploadsPerUser: 1, maxConcurrentUploads: 2 })
    const first = await open('eve')
    const second = open('eve')
    const ann = await open('ann')
    expect(await refusalOf(() => open('bob'))).toMatchObject({ reason: 'TOO_MANY_UPLOADS' })
    ann.endBody()
    await open('bob')
    first.endBody()
    await second
  })
})

describe('the bytes of one user', () => {
  it('are counted over its uploads until their files are gone', async () => {
    const { open } = createDesk({ maxStagedBytesPerUser: 100 })
    const [first, second, ann] = [await open('eve'), await open('eve'), await open('ann')]
    first.take(60)
    second.take(40)
    expect(await refusalOf(() => second.take(1))).toEqual({
      code: 'RATE_LIMITED',
      reason: 'TOO_MANY_UPLOADED_BYTES',
      allowed: 100,
      retryAfterMs: 2_000,
    })
    ann.take(100)
    first.endBody()
    expect(await refusalOf(() => second.take(1))).toMatchObject({ code: 'RATE_LIMITED' })
    first.release()
    second.take(60)
  })

  it('are not forgotten when an earlier upload is let go twice', async () => {
    const { open } = createDesk({ maxStagedBytesPerUser: 100, maxUploadsPerUser: 1 })
    const first = await open('eve')
    first.take(50)
    first.release()
    const second = await open('eve')
    second.take(100)
    first.release()
    second.endBody()
    const third = await open('eve')
    expect(await refusalOf(() => third.take(1))).toMatchObject({ reason: 'TOO_MANY_UPLOADED_BYTES' })
  })
})
