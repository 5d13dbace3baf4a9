import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ended } from '../kit/client/operation-client.ts'
import {
  admin,
  bearer,
  type GuardedGateway,
  type Person,
  startGuardedGateway,
} from '../kit/gateway/accounts.ts'

let gateway: GuardedGateway
let ann: Person

beforeAll(async () => {
  gateway = await startGuardedGateway()
  ann = await gateway.invite('Ann')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const rawId = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1] ?? ''
const follow = ({ key }: Person, id: string) => {
  const graphql: GuardedGateway['graphql'] = (query, variables) =>
    gateway.graphql(query, variables, bearer(key))
  return ended({ url: gateway.url, graphql, headers: bearer(key) }, id)
}

async function start(person: Person, input: object): Promise<string> {
  const { data, errors } = await gateway.graphql<{ generateImage: { id: string } }>(
    'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }',
    { input: { model: 'sandbox/gpt-image-1', size: '1024x1024', quality: 'LOW', ...input } },
    bearer(person.key),
  )
  if (errors) throw new Error(JSON.stringify(errors))
  return data.generateImage.id
}

async function make(person: Person, prompt: string, requestId?: string): Promise<string> {
  const id = await start(person, { prompt, requestId })
  await follow(person, id)
  return id
}

interface Read {
  description: string | null
  imagesDeletedAt: string | null
  input: { images: { id: string }[] }
  response: { data: { id: string; url: string; small: string }[]; usage: { totalTokens: number } }
}

async function read({ key }: Person, id: string): Promise<Read> {
  const { data } = await gateway.graphql<{ operation: Read }>(
    `query ($id: ID!) { operation(id: $id) { description imagesDeletedAt input { images { id } }
      response { data { id url small: url(width: 64) } usage { totalTokens } } } }`,
    { id },
    bearer(key),
  )
  return data.operation
}

const remove = async (id: string, headers: HeadersInit) => {
  const { data, errors } = await gateway.graphql<{ deleteOperation: { imagesDeletedAt: string } | null }>(
    'mutation ($id: ID!) { deleteOperation(id: $id) { imagesDeletedAt } }',
    { id },
    headers,
  )
  return { ...data?.deleteOperation, refusal: errors?.[0]?.extensions }
}

const acts = async () => {
  const { data } = await gateway.graphql<{ auditLog: { edges: { node: object }[] } }>(
    '{ auditLog(action: DELETE_OPERATION) { edges { node { actor { name } user { name } details } } } }',
    {},
    admin,
  )
  return data.auditLog.edges.map(({ node }) => node)
}

test('a deleted operation has no images, prompt or events any more, and its usage stays', async () => {
  const id = await make(ann, 'a picture to regret', 'once')
  const before = await read(ann, id)
  const { url = '', small = '' } = before.response.data[0] ?? {}
  for (const address of [url, small]) expect((await fetch(address)).status).toBe(200)
  expect(existsSync(join(gateway.folder, 'images', rawId(id)))).toBe(true)

  const { imagesDeletedAt } = await remove(id, bearer(ann.key))
  expect(Date.parse(imagesDeletedAt ?? '')).toBeGreaterThan(0)
  for (const address of [url, small]) expect((await fetch(address)).status).toBe(404)
  expect(existsSync(join(gateway.folder, 'images', rawId(id)))).toBe(false)
  expect(await read(ann, id)).toEqual({
    description: null,
    imagesDeletedAt,
    input: { images: [] },
    response: { data: [], usage: before.response.usage },
  })
  expect((await follow(ann, id)).status).toBe('SUCCEEDED')

  expect(await remove(id, bearer(ann.key))).toEqual({ imagesDeletedAt, refusal: undefined })
  expect(await acts()).toEqual([])
  expect(await make(ann, 'another picture', 'once')).not.toBe(id)
})

test('one that runs is refused, and cancelling it first helps', async () => {
  const id = await start(ann, { prompt: 'a picture that takes its time [sandbox:hang]' })
  const { refusal } = await remove(id, bearer(ann.key))
  expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT', reason: 'OPERATION_NOT_ENDED' })
  await gateway.graphql('mutation ($id: ID!) { cancelOperation(id: $id) { id } }', { id }, bearer(ann.key))
  await follow(ann, id)
  expect((await remove(id, bearer(ann.key))).refusal).toBeUndefined()
})

const editing =
  'mutation ($input: EditImageInput!) { editImage(input: $input) { id input { images { id } } } }'
const edit = async (imageId: string, prompt: string) => {
  const input = { prompt, image: { imageId }, model: 'sandbox/gpt-image-1', quality: 'LOW', stream: true }
  const { data } = await gateway.graphql<{ editImage: { id: string } }>(editing, { input }, bearer(ann.key))
  return data.editImage.id
}

test('images that an operation that ended had used are gone from it too; one that runs keeps them', async () => {
  const id = await make(ann, 'a picture to be edited')
  const imageId = (await read(ann, id)).response.data[0]?.id ?? ''
  const made = await edit(imageId, 'an edit')
  await follow(ann, made)
  const running = await edit(imageId, 'an edit that takes its time [sandbox:hang]')
  expect((await remove(id, bearer(ann.key))).refusal).toMatchObject({ reason: 'OPERATION_IN_USE' })
  expect((await read(ann, id)).response.data).toHaveLength(1)
  await gateway.graphql('mutation ($id: ID!) { cancelOperation(id: $id) { id } }', { id: running }, admin)
  await follow(ann, running)
  expect((await remove(id, bearer(ann.key))).refusal).toBeUndefined()
  const { input, response } = await read(ann, made)
  expect(input.images).toEqual([])
  expect(response.data).toHaveLength(1)
})

test('an admin deletes what is another’s, which the audit log tells once', async () => {
  const id = await make(ann, 'a picture that somebody complained about')
  await remove(id, admin)
  await remove(id, admin)
  expect((await read(ann, id)).response.data).toEqual([])
  expect(await acts()).toEqual([
    { actor: { name: 'admin' }, user: { name: 'Ann' }, details: { operationId: rawId(id) } },
  ])
})
