import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExchangeRate } from '../../src/catalogue/exchange-rate.ts'
import type { Database } from '../../src/database/database.ts'
import type { ModelCost } from '../../src/usage/reservation.ts'
import { createUsage, type Usage } from '../../src/usage/usage.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { reserve } from '../kit/rooms/reserve.ts'
import { capture, createOperation, createUser, makeFigures, release } from './usage-kit.ts'

const noon = new Date('2026-05-31T12:00:00Z')
const yearlyRate = { from: 'RUB', to: 'USD', rate: '0.0105', since: '2026-01-01' }

let database: Database
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const usageWith = (rates: ExchangeRate[], currency = 'USD'): Usage =>
  createUsage({
    prisma: database.prisma,
    money: { currency, rates },
    now: () => noon,
    newId: () => crypto.randomUUID(),
  })

const costOf = (currency: string, micros: number): ModelCost => ({
  model: `up/${currency.toLowerCase()}`,
  most: { micros, currency },
})

async function userWith(usage: Usage, limit: bigint, currency?: string): Promise<string> {
  const userId = await createUser(database.prisma)
  await usage.setBudget({ userId, period: 'TOTAL', unit: 'MONEY', currency, limit })
  return userId
}

async function accept(usage: Usage, userId: string, costs: ModelCost[], at = noon): Promise<string> {
  const operationId = await createOperation(database.prisma, userId)
  const { micros: costMicros = 0, currency = 'USD' } = costs[0]?.most ?? {}
  await reserve(database.prisma, usage, { operationId, userId, at, tokens: 0, costMicros, currency, costs })
  return operationId
}

async function pay(usage: Usage, userId: string, operationId: string, micros: number, currency: string) {
  const owner = { operationId, userId, endUser: null, provider: 'up', model: 'm', kind: 'EDIT' } as const
  const figures = makeFigures({ costMicros: micros, currency })
  return database.prisma.$transaction((tx) => capture(tx, usage, { ...owner, at: noon }, { figures }))
}

const budgetsOf = async (usage: Usage, userId: string) => (await usage.budgets([userId])).get(userId) ?? []

/** Rounded up, by hand: 0.0105 dollars for a rouble. */
const inDollars = ({ currency, micros }: { currency: string; micros: number }) =>
  currency === 'USD' ? BigInt(micros) : (BigInt(micros) * 105n + 9_999n) / 10_000n

describe('a budget of money', () => {
  test('adds up what was converted into its currency, and nothing raw, over every mix of two currencies', async () => {
    const usage = usageWith([yearlyRate])
    const payment = fc.record({
      currency: fc.constantFrom('USD', 'RUB'),
      most: fc.integer({ min: 0, max: 50_000_000 }),
      share: fc.integer({ min: 0, max: 100 }),
      end: fc.constantFrom('paid', 'given back', 'open'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(payment, { minLength: 1, maxLength: 8 }), async (payments) => {
        const userId = await userWith(usage, 10n ** 15n, 'USD')
        const sums = { used: 0n, reserved: 0n, roubles: 0n }
        for (const { currency, most, share, end } of payments) {
          const operationId = await accept(usage, userId, [costOf(currency, most)])
          const micros = Math.floor((most * share) / 100)
          if (end === 'open') sums.reserved += inDollars({ currency, micros: most })
          if (end === 'given back') await release(database.prisma, usage, operationId)
          if (end !== 'paid') continue
          await pay(usage, userId, operationId, micros, currency)
          sums.used += inDollars({ currency, micros })
          if (currency === 'RUB') sums.roubles += BigInt(micros)
        }
        const { used, reserved } = sums
        expect(await budgetsOf(usage, userId)).toMatchObject([{ currency: 'USD', used, reserved }])
        // The same spending, asked for in the other currency: dollars have no rate to it.
        await usage.setBudget({ userId, period: 'TOTAL', unit: 'MONEY', currency: 'RUB', limit: 10n ** 15n })
        expect(await budgetsOf(usage, userId)).toMatchObject([{ currency: 'RUB', used: sums.roubles }])
      }),
      { numRuns: 40 },
    )
  })

  test('refuses what is paid for in another currency without a rate, in words that say both, and writes nothing', async () => {
    const usage = usageWith([{ ...yearlyRate, since: '2026-06-01' }])
    const userId = await userWith(usage, 3_000_000n)
    await accept(usage, userId, [costOf('USD', 40_000)])
    const refused = accept(usage, userId, [costOf('RUB', 2_200_000)])
    await expect(refused).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message:
        'up/rub is paid for in RUB, and the TOTAL budget of money is in USD: there is no rate from RUB to USD for 2026-05-31. The operator can configure one in money.rates, or you choose a model that is paid for in USD.',
      details: {
        reason: 'CURRENCY_NOT_CONVERTIBLE',
        field: 'input.model',
        actual: 'up/rub',
        currency: 'RUB',
      },
    })
    expect(await budgetsOf(usage, userId)).toMatchObject([
      { used: 0n, reserved: 40_000n, remaining: 2_960_000n },
    ])
    expect(await database.prisma.ledgerEntry.count({ where: { userId } })).toBe(1)
    await accept(usage, userId, [costOf('RUB', 2_200_000)], new Date('2026-06-01T00:00:00Z'))
    expect(await budgetsOf(usage, userId)).toMatchObject([{ reserved: 63_100n }])
  })

  test('refuses a request that one of its models may carry out in a currency without a rate', async () => {
    const usage = usageWith([])
    const userId = await userWith(usage, 3_000_000n)
    const both = [costOf('USD', 40_000), costOf('RUB', 2_200_000)]
    await expect(accept(usage, userId, both)).rejects.toMatchObject({
      details: { reason: 'CURRENCY_NOT_CONVERTIBLE', actual: 'up/rub' },
    })
  })

  test('holds the dearest of its models, whatever they are paid for in', async () => {
    const usage = usageWith([yearlyRate])
    const userId = await userWith(usage, 1_000_000n)
    const operationId = await accept(usage, userId, [
      costOf('RUB', 100_000_000),
      costOf('USD', 1_000_000),
    ]).catch((error) => error)
    expect(operationId).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      details: { reason: 'TOTAL_MONEY', asked: '1050000', remaining: '1000000', budget: { currency: 'USD' } },
    })
    await accept(usage, userId, [costOf('RUB', 1_000_000), costOf('USD', 1_000_000)])
    expect(await budgetsOf(usage, userId)).toMatchObject([{ reserved: 1_000_000n }])
  })

  test('refuses a model without a price, and says which and what to configure', async () => {
    const usage = usageWith([])
    const userId = await userWith(usage, 3_000_000n)
    await expect(accept(usage, userId, [{ model: 'up/m1', most: null }])).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message:
        'There is a TOTAL budget of money, and no price says the most that this may cost on up/m1. The operator can give the model prices, of 0 if it is free, or you choose another one.',
      details: { reason: 'PRICE_UNKNOWN', field: 'input.model', actual: 'up/m1' },
    })
    await usage.setBudget({ userId, period: 'TOTAL', unit: 'MONEY', limit: null })
    await accept(usage, userId, [{ model: 'up/m1', most: null }])
  })

  test('takes what is free in any currency, even when it is spent', async () => {
    const usage = usageWith([])
    const userId = await userWith(usage, 0n)
    const operationId = await accept(usage, userId, [costOf('RUB', 0)])
    await pay(usage, userId, operationId, 0, 'RUB')
    expect(await budgetsOf(usage, userId)).toMatchObject([{ used: 0n, reserved: 0n }])
  })

  test('settles at the rate of the acceptance, whatever is configured by then', async () => {
    const before = usageWith([yearlyRate])
    const userId = await userWith(before, 3_000_000n)
    const operationId = await accept(before, userId, [costOf('RUB', 2_200_000)])
    const after = usageWith([{ ...yearlyRate, rate: '0.5' }])
    await pay(after, userId, operationId, 2_000_000, 'RUB')
    expect(await budgetsOf(after, userId)).toMatchObject([{ used: 21_000n, reserved: 0n }])
  })

  test('books what was reserved where the bill comes in a currency without a rate', async () => {
    const usage = usageWith([yearlyRate])
    const userId = await userWith(usage, 3_000_000n, 'RUB')
    const operationId = await accept(usage, userId, [costOf('RUB', 2_200_000)])
    await pay(usage, userId, operationId, 40_000, 'USD')
    expect(await budgetsOf(usage, userId)).toMatchObject([
      { currency: 'RUB', used: 2_200_000n, reserved: 0n },
    ])
  })

  test('counts in the currency of the gateway, keeps its own when only the limit changes, and has none for tokens', async () => {
    const usage = usageWith([], 'EUR')
    const userId = await userWith(usage, 5n)
    await usage.setBudget({ userId, period: 'DAY', unit: 'MONEY', currency: 'RUB', limit: 5n })
    await usage.setBudget({ userId, period: 'DAY', unit: 'MONEY', limit: 6n })
    await usage.setBudget({ userId, period: 'DAY', unit: 'TOKENS', limit: 7n })
    expect((await budgetsOf(usage, userId)).map(({ limit, currency }) => [limit, currency])).toEqual([
      [7n, null],
      [6n, 'RUB'],
      [5n, 'EUR'],
    ])
    const change = { userId, period: 'DAY', unit: 'TOKENS', currency: 'EUR', limit: 7n } as const
    await expect(usage.setBudget(change)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      details: { reason: 'TOKENS_WITH_CURRENCY', field: 'input.currency' },
    })
  })
})

test('a report has one currency: the gateway’s, with what can be converted at the rate of its day', async () => {
  const rates = [yearlyRate, { ...yearlyRate, rate: '0.02', since: '2026-05-31' }]
  const usage = usageWith(rates)
  const userId = await userWith(usage, 10n ** 15n)
  const owner = { userId, endUser: null, provider: 'up', model: 'm', kind: 'EDIT' } as const
  const spend = async (at: Date, costMicros: number, currency: string) => {
    const operationId = await accept(usage, userId, [costOf('USD', 1)])
    const figures = makeFigures({ costMicros, currency })
    await database.prisma.$transaction((tx) => capture(tx, usage, { ...owner, operationId, at }, { figures }))
  }
  const [before, after] = [new Date('2026-05-30T23:59:59Z'), new Date('2026-05-31T00:00:00Z')]
  await spend(before, 1_000_000, 'RUB')
  await spend(after, 1_000_000, 'RUB')
  await spend(after, 100_000, 'USD')
  await spend(after, 70_000, 'EUR')
  const report = async (asked: Usage, from: string, to: string) => {
    const range = {
      from: new Date(from),
      to: new Date(to),
      groupBy: ['USER'],
      filter: { userIds: [userId] },
    } as const
    return (await asked.reportFor({ userId, role: 'MEMBER' }, { ...range, groupBy: ['USER'] })).total
  }
  const expected = {
    cost: { amountMicros: 130_500n, currency: 'USD' },
    costs: [
      { amountMicros: 70_000n, currency: 'EUR' },
      { amountMicros: 2_000_000n, currency: 'RUB' },
      { amountMicros: 100_000n, currency: 'USD' },
    ],
  }
  expect(await report(usage, '2026-05-30', '2026-06-01')).toMatchObject(expected)
  // From the records, and not from the roll-up.
  expect(await report(usage, '2026-05-30T20:00:00Z', '2026-05-31T20:00:00Z')).toMatchObject(expected)
  const yen = usageWith(rates, 'JPY')
  expect(await report(yen, '2026-05-30', '2026-06-01')).toMatchObject({
    cost: { amountMicros: 0n, currency: 'JPY' },
    costs: expected.costs,
  })
  expect(await report(usage, '2025-05-30', '2025-06-01')).toMatchObject({
    cost: { amountMicros: 0n, currency: 'USD' },
    costs: [],
  })
})
