import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rawId } from '../kit/client/global-id.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { until } from '../kit/until.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Read {
  id: string
  done: boolean
  error: { reason: string; message: string; details: object[]; retryAfterMs: number | null } | null
  response: { created: number; quality: string | null; failures: object[] } | null
}

const parts =
  'id done error { reason message details retryAfterMs } response { created quality failures { index } }'

/** An operation that has ended; `globalId` is what clients know it by, `id` what its row has. */
async function draw(prompt: string): Promise<{ globalId: string; id: string }> {
  const { data } = await gateway.graphql<{ generateImage: { id: string } }>(
    'mutation ($prompt: String!) { generateImage(input: { prompt: $prompt, quality: LOW }) { id } }',
    { prompt },
  )
  const globalId = data.generateImage.id
  await until(async () => (await read(globalId)).data.operation.done)
  return { globalId, id: rawId(globalId) }
}

const read = (id: string) =>
  gateway.graphql<{ operation: Read }>(`query ($id: ID!) { operation(id: $id) { ${parts} } }`, { id })

const list = () =>
  gateway.graphql<{ operations: { edges: { node: Read }[] } }>(
    `{ operations { edges { node { ${parts} } } } }`,
  )

async function readEvents(id: string): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({
      query:
        'subscription ($id: ID!) { partialImages(operationId: $id) { __typename sequence ... on ImageCompletedEvent { size image { id } } } }',
      variables: { id },
    }),
  })
  return response.text()
}

const update = (id: string, data: { error?: object; response?: object }) =>
  gateway.database.prisma.operation.update({ where: { id }, data })

const unexpected = () => JSON.stringify(gateway.logged.filter(({ msg }) => msg === 'unexpected error'))

describe('a row of another version', () => {
  test('is read with defaults for what it lacks, and without what it has more', async () => {
    const { globalId, id } = await draw('an old heron')
    await update(id, { response: { quality: 'low', colour: 'grey' } })
    const { data, errors } = await read(globalId)
    expect(errors).toBeUndefined()
    expect(data.operation.response).toEqual({ created: 0, quality: 'low', failures: [] })
  })

  test('shows a reason that is not in the list as it is', async () => {
    const { globalId, id } = await draw('a heron of the future')
    await update(id, {
      error: {
        code: 13,
        status: 'INTERNAL',
        message: 'Lost',
        reason: 'PARCEL_LOST',
        retryable: true,
        at: 'sea',
      },
    })
    const { data } = await read(globalId)
    expect(data.operation.error).toEqual({
      reason: 'PARCEL_LOST',
      message: 'Lost',
      details: [],
      retryAfterMs: null,
    })
  })

  test('has events without the facts and kinds that came later', async () => {
    const { globalId, id } = await draw('an old heron in flight')
    const [first] = await gateway.database.prisma.operationEvent.findMany({ where: { operationId: id } })
    await gateway.database.prisma.$executeRaw`
      UPDATE operation_event SET payload = payload - 'facts' - 'last'
       WHERE operation_id = ${id}::uuid AND payload->>'kind' = 'image'`
    await gateway.database.prisma.operationEvent.update({
      where: { operationId_sequence: { operationId: id, sequence: first?.sequence ?? 0 } },
      data: { payload: { kind: 'sound' } },
    })
    const text = await readEvents(globalId)
    expect(text).toContain('"size":null')
    expect(text).not.toContain('errors')
  })
})

describe('a row that cannot be read', () => {
  test('leaves a list whole, and the log says which row and which column', async () => {
    const { globalId, id } = await draw('a damaged heron')
    const sound = await draw('a sound heron')
    await update(id, { error: { reason: 7 }, response: { created: 'yesterday' } })
    const { data, errors } = await list()
    const nodes = new Map(data.operations.edges.map(({ node }) => [node.id, node]))
    expect(nodes.get(globalId)).toMatchObject({ done: true, error: null, response: null })
    expect(nodes.get(sound.globalId)).toMatchObject({ error: null, response: { quality: 'low' } })
    expect(errors?.every(({ extensions }) => extensions.code === 'INTERNAL_SERVER_ERROR')).toBe(true)
    const logged = unexpected()
    expect(logged).toContain(`The column operation.error of row ${id} cannot be read`)
    expect(logged).toContain(`The column operation.response of row ${id} cannot be read`)
    expect(logged).not.toContain('yesterday')
  })

  test('ends no subscription: the event has an error, and the next ones follow', async () => {
    const { globalId, id } = await draw('a damaged heron in flight')
    await gateway.database.prisma.$executeRaw`
      UPDATE operation_event SET payload = '{"kind": "image", "imageId": 7}'
       WHERE operation_id = ${id}::uuid AND payload->>'kind' = 'image'`
    const text = await readEvents(globalId)
    expect(text).toContain('INTERNAL_SERVER_ERROR')
    expect(text).toMatch(/event: complete/)
    expect(unexpected()).toContain(`The column operation_event.payload of row ${id}, sequence`)
  })
})
