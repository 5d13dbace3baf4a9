import { afterAll, beforeAll, expect, test } from 'vitest'
import { accepted, ended } from '../kit/client/operation-client.ts'
import { openTestBed, type TestBed } from '../kit/gateway/test-bed.ts'

let bed: TestBed

beforeAll(async () => {
  bed = await openTestBed({ database: 'embedded' })
})
afterAll(() => bed.close())

const document = `query ($id: ID!) { operation(id: $id) {
  done imagesDeletedAt response { data { id } usage { totalTokens } } } }`

interface Read {
  operation: {
    done: boolean
    imagesDeletedAt: string | null
    response: { data: { id: string }[]; usage: { totalTokens: number } }
  }
}

test('an operation whose images are gone says since when, and still what it cost', async () => {
  const id = await accepted(bed.gateway, { prompt: 'a castle of sand' })
  await ended(bed.gateway, id)
  const before = await bed.gateway.graphql<Read>(document, { id })
  expect(before.data.operation).toMatchObject({ imagesDeletedAt: null, response: { data: [{}] } })
  await bed.gateway.end('SIGTERM')
  // One process of all removes within an hour, and a first life that was long enough has done it.
  await bed.look(
    ({ prisma }) => prisma.$executeRaw`UPDATE pgboss.job SET singleton_on = singleton_on - interval '1 hour'`,
  )

  await bed.start({ retention: { resultsMs: 1 } })
  await bed.gateway.untilLogged('removed what is past its life')
  const { data } = await bed.gateway.graphql<Read>(document, { id })
  expect(Date.parse(data.operation.imagesDeletedAt ?? '')).toBeGreaterThan(0)
  expect(data.operation.response).toEqual({ data: [], usage: before.data.operation.response.usage })
})
