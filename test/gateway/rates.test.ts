import { afterAll, beforeAll, expect, test } from 'vitest'
import { admin, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'

let gateway: GuardedGateway

beforeAll(async () => {
  gateway = await startGuardedGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const setRateLimits =
  'mutation ($input: SetRateLimitsInput!) { setRateLimits(input: $input) { rateLimits { requestsPerMinute imagesPerMinute } } }'
const generate =
  'mutation { generateImage(input: { prompt: "a fox", n: 2, model: "sandbox/gpt-image-1", size: "1024x1024", quality: LOW }) { id } }'

test('an admin sets what a user may ask for; what is beyond is refused before anything is kept or spent', async () => {
  const { id, key } = await gateway.invite('Ada')
  const set = await gateway.graphql(setRateLimits, { input: { userId: id, imagesPerMinute: 2 } }, admin)
  expect(set.data).toEqual({
    setRateLimits: { rateLimits: { requestsPerMinute: 12_000, imagesPerMinute: 2 } },
  })

  // At most one minute ends between three requests.
  const answers = [await ask(), await ask(), await ask()]
  const refused = answers.filter(({ errors }) => errors)
  expect(refused.length).toBeGreaterThan(0)
  for (const { errors } of refused)
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      reason: 'IMAGE_RATE',
      allowed: 2,
      actual: 2,
    })
  const { data } = await gateway.graphql<{
    operations: { edges: unknown[] }
    viewer: { rateLimits: object }
  }>(
    '{ operations(first: 10) { edges { node { id } } } viewer { rateLimits { imagesPerMinute } } }',
    {},
    bearer(key),
  )
  expect(data.operations.edges).toHaveLength(3 - refused.length)
  expect(data.viewer.rateLimits).toEqual({ imagesPerMinute: 2 })

  function ask() {
    return gateway.graphql(generate, {}, bearer(key))
  }
})

test('a member sets no limits', async () => {
  const { id, key } = await gateway.invite('Bob')
  const { errors } = await gateway.graphql(
    setRateLimits,
    { input: { userId: id, imagesPerMinute: 9 } },
    bearer(key),
  )
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' })
})

test.each([
  [{ imagesPerMinute: 0 }, { reason: 'OUT_OF_RANGE', field: 'input.imagesPerMinute' }],
  [{ apiKeyId: 'not an id' }, { code: 'BAD_USER_INPUT' }],
  [{ userId: null }, { reason: 'ARGUMENT_NOT_VALID', field: 'input' }],
])('limits that make no sense are refused: %j', async (wrong, extensions) => {
  const { id } = await gateway.invite('Eve')
  const { errors } = await gateway.graphql(setRateLimits, { input: { userId: id, ...wrong } }, admin)
  expect(errors?.[0]?.extensions).toMatchObject(extensions)
})
