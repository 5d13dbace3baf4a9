import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { rateMinuteMs } from '../../src/rate-counter.ts'
import { rawId } from '../kit/client/global-id.ts'
import { createPostgresDatabase, isPostgresHere } from '../kit/database/postgres-database.ts'
import { admin, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { until } from '../kit/until.ts'

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

describe.skipIf(!isPostgresHere())('two gateways on one database', () => {
  const limit = 40
  /** Each process tells the others what it admitted in twentieths of a rate. */
  const step = limit / 20

  test('admit together what a user may ask for, but for a twentieth each, by twenty statements each', async () => {
    const databaseUrl = await createPostgresDatabase()
    const tellings = [0, 0]
    const start = async (index: number) => {
      const onQuery = (sql: string) => {
        if (sql.includes('INSERT INTO rate_count')) tellings[index] = (tellings[index] ?? 0) + 1
      }
      const started = await startGuardedGateway({ databaseUrl, onQuery })
      onTestFinished(() => started[Symbol.asyncDispose]())
      return started
    }
    const gateways = [await start(0), await start(1)] as const
    const client = new pg.Client(databaseUrl)
    await client.connect()
    onTestFinished(() => client.end())
    /** The points of a user that the gateways have told each other. */
    const toldOf = async (userId: string): Promise<number> => {
      const { rows } = await client.query(
        'SELECT sum(points)::int AS points FROM rate_count WHERE key = $1',
        [`requests:${rawId(userId)}`],
      )
      return rows[0].points ?? 0
    }

    /** How many requests of a new user are admitted, asked of both in turn; null where a minute ended meanwhile. */
    const countAdmitted = async (): Promise<number | null> => {
      const user = await makeLimitedUser()
      tellings.fill(0)
      const minute = minuteNow()
      let admitted = 0
      for (let asked = 0; asked < 1.5 * limit; asked++) {
        const gateway = asked % 2 === 0 ? gateways[0] : gateways[1]
        const { errors } = await gateway.graphql('{ viewer { id } }', {}, bearer(user.key))
        if (!errors) admitted++
        else expect(errors[0]?.extensions).toMatchObject({ reason: 'REQUEST_RATE', allowed: limit })
        const isTold = async () => (await toldOf(user.id)) >= admitted - 2 * (step - 1)
        await until(async () => minuteNow() !== minute || (await isTold()))
        if (minuteNow() !== minute) return null
      }
      return admitted
    }
    const makeLimitedUser = async () => {
      const user = await gateways[0].invite('Mia')
      const input = { userId: user.id, requestsPerMinute: limit }
      await gateways[0].graphql(setRateLimits, { input }, admin)
      return user
    }

    let admitted: number | null = null
    while (admitted === null) admitted = await countAdmitted()
    expect(admitted).toBeGreaterThanOrEqual(limit)
    expect(admitted).toBeLessThanOrEqual(limit + 2 * step)
    for (const count of tellings) expect(count).toBeLessThanOrEqual(20)
  })
})

const minuteNow = () => Math.floor(Date.now() / rateMinuteMs)
