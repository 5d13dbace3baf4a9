import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import sharp from 'sharp'
import { describe, expect } from 'vitest'
import { rawId } from '../kit/client/global-id.ts'
import { ended, generate, readOperation } from '../kit/client/operation-client.ts'
import { guarded } from '../kit/gateway/accounts.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { databases } from '../kit/gateway/test-bed.ts'
import { until } from '../kit/until.ts'
import { reset, silence } from '../kit/upstream/replies.ts'
import { type Caller, cancel, createCaller, setBudget } from './callers.ts'
import { turnsOn } from './turns.ts'

describe.each(databases)('a request id (%s)', (database) => {
  const test = turnsOn(database)
  const bed = shareTestBed({ database, env: guarded, limits: { concurrentOperations: 30 } })

  test('MON-01: sent fifty times at once is one operation, one reservation and one paid call', async () => {
    const caller = await createCaller(bed.gateway, 'fifty')
    const prompt = 'a bridge fifty times'
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => generate(caller, { prompt, requestId: 'one-and-the-same' })),
    )
    const ids = new Set(answers.map(({ data, errors }) => data?.generateImage.id ?? JSON.stringify(errors)))
    expect(ids.size).toBe(1)
    await ended(caller, [...ids][0] as string)
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test('MON-02: with another prompt is refused, and the first operation is as it was', async () => {
    const caller = await createCaller(bed.gateway, 'reuse')
    const requestId = 'bridge-1'
    const first = await generate(caller, { prompt: 'a bridge in the fog', requestId })
    const before = await ended(caller, first.data.generateImage.id)
    const second = await generate(caller, { prompt: 'a bridge in the fog.', requestId })
    expect(second.errors?.[0]?.extensions).toMatchObject(reused)
    expect(await readOperation(caller, first.data.generateImage.id)).toEqual(before)
  })

  test('MON-02: with another byte in a file is refused, and nothing of that file is kept', async () => {
    const caller = await createCaller(bed.gateway, 'another byte')
    const prompt = 'a bridge by another light'
    const first = await edit(caller, { prompt, colors: ['#102030', '#405060'] })
    const before = await readOperation(caller, first.id)
    const kept = await filesOf(bed.folder)
    const second = edit(caller, { prompt, colors: ['#102030', '#405061'] })
    await expect(second).rejects.toMatchObject(reused)
    expect(await readOperation(caller, first.id)).toEqual(before)
    expect(await filesOf(bed.folder)).toEqual(kept)
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test('MON-03: with the same content in another order is the same operation', async () => {
    const caller = await createCaller(bed.gateway, 'order')
    const first = await generate(caller, { prompt: 'a bridge in order', user: 'u', requestId: 'order-1' })
    const again = await generate(caller, {
      requestId: 'order-1',
      user: 'u',
      prompt: 'a bridge in order',
      n: 1,
    })
    expect(again.data.generateImage.id).toBe(first.data.generateImage.id)
    await ended(caller, first.data.generateImage.id)
  })

  test('MON-03: of uploads whose parts come in another order is the same, and they are kept once', async () => {
    const caller = await createCaller(bed.gateway, 'parts')
    const request = { prompt: 'a bridge of two parts', colors: ['#a01010', '#10a010'] }
    const first = await edit(caller, request)
    const kept = await filesOf(bed.folder)
    const again = await edit(caller, { ...request, reversed: true })
    expect(again).toEqual(first)
    expect(await filesOf(bed.folder)).toEqual(kept)
    expect(bed.provider.paidFor(request.prompt)).toBe(1)
  })

  test('MON-03: of uploads sent twice at once is one operation, and they are kept once', async () => {
    const caller = await createCaller(bed.gateway, 'twice')
    const before = await filesOf(bed.folder)
    const request = { prompt: 'a bridge seen twice', colors: ['#1010a0', '#a0a010'] }
    const [one, two] = await Promise.all([
      edit(caller, request),
      edit(caller, { ...request, reversed: true }),
    ])
    expect(one).toEqual(two)
    const files = await filesOf(bed.folder)
    expect(files.length - before.length, 'two sources and a result').toBe(3)
    expect(bed.provider.paidFor(request.prompt)).toBe(1)
  })

  test('MON-01: in the header Idempotency-Key is one too, for a document with one mutation', async () => {
    const caller = await createCaller(bed.gateway, 'header')
    const field = (name: string, prompt: string) =>
      `${name}: generateImage(input: { prompt: "${prompt}", model: "paid/gpt-image-2", size: "1024x1024", quality: LOW }) { id }`
    const send = (...fields: string[]) =>
      bed.gateway.graphql<Record<string, { id: string }>>(`mutation { ${fields.join(' ')} }`, undefined, {
        ...caller.headers,
        'idempotency-key': 'bridge-by-header',
      })
    const [one, two] = await Promise.all([send(field('a', 'a bridge')), send(field('b', 'a bridge'))])
    expect(one.data.a?.id).toBe(two.data.b?.id)
    const other = await send(field('a', 'another bridge'))
    expect(other.errors?.[0]?.extensions).toMatchObject(reused)
    const several = await send(field('a', 'a bridge'), field('b', 'another bridge'))
    expect(several.errors?.[0]?.extensions.reason).toBe('IDEMPOTENCY_KEY_AMBIGUOUS')
    await ended(caller, one.data.a?.id ?? '')
    expect(bed.provider.paidFor('a bridge')).toBe(1)
  })

  test("MON-04: of another user is the other user's, and tells nothing", async () => {
    const [one, other] = [await createCaller(bed.gateway, 'one'), await createCaller(bed.gateway, 'other')]
    const first = await generate(one, { prompt: 'a bridge of mine', requestId: 'shared-id' })
    const second = await generate(other, { prompt: 'a bridge of yours', requestId: 'shared-id' })
    expect(second.errors).toBeUndefined()
    expect(second.data.generateImage.id).not.toBe(first.data.generateImage.id)
    await Promise.all([ended(one, first.data.generateImage.id), ended(other, second.data.generateImage.id)])
  })

  test('MON-05: is not bound by a refusal: with a larger budget it is accepted', async () => {
    const caller = await createCaller(bed.gateway, 'raise')
    await setBudget(bed.gateway, caller, 1)
    const request = { prompt: 'a bridge too dear', requestId: 'raise-1' }
    const refused = await generate(caller, request)
    expect(refused.errors?.[0]?.extensions.code).toBe('BUDGET_EXCEEDED')
    await setBudget(bed.gateway, caller, 1_000_000)
    const accepted = await generate(caller, request)
    expect(accepted.errors).toBeUndefined()
    await ended(caller, accepted.data.generateImage.id)
  })

  test('MON-06: gives the operation again after it has failed, and never another try', async () => {
    const caller = await createCaller(bed.gateway, 'failed')
    const request = { prompt: 'a bridge that broke', requestId: 'failed-1' }
    bed.provider.answer(request.prompt, reset)
    const first = await generate(caller, request)
    const { id } = first.data.generateImage
    expect(await ended(caller, id)).toMatchObject({ status: 'FAILED' })
    const again = await generate(caller, request)
    expect(again.data.generateImage).toMatchObject({ id, status: 'FAILED', done: true })
    expect(bed.provider.paidFor(request.prompt)).toBe(1)
  })

  test('MON-06: gives the operation again after it was cancelled, and never another try', async () => {
    const caller = await createCaller(bed.gateway, 'cancelled')
    const request = { prompt: 'a bridge nobody wants', requestId: 'cancelled-1' }
    bed.provider.answer(request.prompt, silence)
    const first = await generate(caller, request)
    const { id } = first.data.generateImage
    await bed.provider.until((calls) => calls.some(({ prompt }) => prompt === request.prompt))
    await cancel(caller, id)
    expect(await ended(caller, id)).toMatchObject({ status: 'CANCELLED' })
    const again = await generate(caller, request)
    expect(again.data.generateImage).toMatchObject({ id, status: 'CANCELLED', done: true })
    expect(bed.provider.calls.filter(({ prompt }) => prompt === request.prompt)).toHaveLength(1)
  })

  test('MON-01, MON-03: leaves one reservation and one row of every file of each operation', async () => {
    const caller = await createCaller(bed.gateway, 'counted')
    const request = { prompt: 'a bridge that is counted', requestId: 'counted-1' }
    const made = await Promise.all(Array.from({ length: 10 }, () => generate(caller, request)))
    const generated = made[0]?.data.generateImage.id ?? ''
    await ended(caller, generated)
    const files = { prompt: 'a bridge of counted parts', colors: ['#10a0a0', '#a010a0'] }
    const [edited] = await Promise.all([edit(caller, files), edit(caller, { ...files, reversed: true })])
    const operationId = { in: [rawId(generated), rawId(edited.id)] }
    expect(await bed.gateway.end('SIGTERM')).toEqual({ code: 0, signal: null })
    await bed.look(async ({ prisma }) => {
      const reserved = await prisma.ledgerEntry.count({ where: { kind: 'RESERVE' } })
      expect(reserved).toBe(await prisma.operation.count())
      const images = await prisma.image.findMany({ select: { storageKey: true } })
      const kept = await filesOf(bed.folder)
      expect(images.map(({ storageKey }) => storageKey).sort()).toEqual(kept)
      expect(await prisma.ledgerEntry.count({ where: { kind: 'RESERVE', operationId } })).toBe(2)
      expect(await prisma.image.count({ where: { operationId } }), 'two sources, two results').toBe(4)
    })
    await bed.start()
  })
})

const reused = { code: 'IDEMPOTENCY_KEY_REUSED', field: 'input.requestId' }

/** The kept images, once the uploads of requests that were answered are gone. */
async function filesOf(folder: string): Promise<string[]> {
  await until(async () => (await readdir(join(folder, 'staging'))).length === 0)
  const images = join(folder, 'images')
  const entries = await readdir(images, { recursive: true, withFileTypes: true })
  // Images lie in the folder of their operation; the mark of the storage's owner lies above them.
  const files = entries.filter((entry) => entry.isFile() && entry.parentPath !== images)
  return files.map(({ parentPath, name }) => relative(images, join(parentPath, name))).sort()
}

interface Edit {
  prompt: string
  /** One file of each. */
  colors: string[]
  /** Keys and file parts in the opposite order. */
  reversed?: boolean
}

/** The same edit whatever it looks like on the wire. Rejects with the extensions of what it is refused with. */
async function edit(caller: Caller, { prompt, colors, reversed = false }: Edit): Promise<{ id: string }> {
  const order = <T>(entries: T[]) => (reversed ? entries.toReversed() : entries)
  const object = (entries: Record<string, unknown>) => Object.fromEntries(order(Object.entries(entries)))
  const input = object({
    prompt,
    image: colors.map(() => ({ upload: null })),
    model: 'paid/gpt-image-2',
    size: '1024x1024',
    quality: 'LOW',
    requestId: createHash('sha256').update(prompt).digest('hex'),
  })
  const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }'
  const files = await Promise.all(colors.map(pixel))
  const places = files.map((_, index) => [`${index}`, [`variables.input.image.${index}.upload`]])
  const parts = [
    part('name="operations"', JSON.stringify(object({ query, variables: { input } }))),
    part('name="map"', JSON.stringify(Object.fromEntries(places))),
    ...order(files.map((bytes, index) => part(`name="${index}"; filename="${randomName()}"`, bytes))),
  ]
  const boundary = randomName()
  const response = await fetch(`${caller.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, ...caller.headers },
    body: Buffer.concat([...parts.flatMap((each) => [mark(boundary), each]), mark(boundary, '--')]),
  })
  const { data, errors } = (await response.json()) as {
    data: { editImage: { id: string } } | null
    errors?: { extensions: Record<string, unknown> }[]
  }
  if (!data?.editImage) throw errors?.[0]?.extensions
  return data.editImage
}

const randomName = () => randomBytes(12).toString('hex')
const mark = (boundary: string, end = '') => Buffer.from(`--${boundary}${end}\r\n`)
const part = (disposition: string, content: string | Buffer) =>
  Buffer.concat([
    Buffer.from(`Content-Disposition: form-data; ${disposition}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])

const pixel = (background: string) =>
  sharp({ create: { width: 64, height: 64, channels: 3, background } })
    .png()
    .toBuffer()
