import { currencyCode } from '../catalogue/currency.ts'
import type { BudgetState } from '../usage/budget.ts'
import { builder } from './builder.ts'
import { User } from './user.ts'

const BudgetPeriod = builder.enumType('BudgetPeriod', {
  description: 'How long a budget lasts before it starts anew.',
  values: {
    DAY: { description: 'A day in the `timeZone` of the gateway.' },
    MONTH: { description: 'A calendar month in the `timeZone` of the gateway.' },
    TOTAL: { description: 'It never starts anew.' },
  } as const,
})

const BudgetUnit = builder.enumType('BudgetUnit', {
  description: 'What a budget counts.',
  values: {
    TOKENS: { description: 'Tokens.' },
    MONEY: { description: 'Millionths of the currency of the budget.' },
  } as const,
})

export const Budget = builder.objectRef<BudgetState>('Budget').implement({
  authScopes: ({ userId }) => ({ self: userId }),
  description:
    'A limit on the usage of a user. The most that an operation can use is reserved when it is accepted. When it has succeeded, what it really used is booked and the rest is given back. Where an operation is paid for in another currency than a budget of money, it is converted at the rate that the operator has configured for the day of acceptance, rounded up; without a rate it is refused with `CURRENCY_NOT_CONVERTIBLE`, and without a price with `PRICE_UNKNOWN`.',
  fields: (t) => ({
    period: t.expose('period', { type: BudgetPeriod, description: 'How long it lasts.' }),
    unit: t.expose('unit', { type: BudgetUnit, description: 'What it counts.' }),
    currency: t.exposeString('currency', {
      nullable: true,
      description: 'Of MONEY, the ISO 4217 code of what it counts, e.g. `USD`; null for TOKENS.',
    }),
    limit: t.expose('limit', {
      type: 'BigInt',
      description: 'The limit, in tokens or in millionths of the currency, like the amounts below.',
    }),
    used: t.expose('used', { type: 'BigInt', description: 'What finished operations have used.' }),
    reserved: t.expose('reserved', {
      type: 'BigInt',
      description: 'The most that unfinished operations may still use.',
    }),
    remaining: t.expose('remaining', { type: 'BigInt', description: 'What is left: never below 0.' }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it starts anew; null for TOTAL.',
    }),
  }),
})

builder.prismaObjectFields(User, (t) => ({
  budgets: t.field({
    type: [Budget],
    authScopes: ({ id }) => ({ self: id }),
    description: 'The limits on what the user uses.',
    resolve: ({ id }, _, { loaders }) => loaders.budgets.load(id),
  }),
}))

const SetBudgetInput = builder.inputType('SetBudgetInput', {
  description: 'A limit to set.',
  fields: (t) => ({
    userId: t.globalID({ for: User, required: true, description: 'The user.' }),
    period: t.field({ type: BudgetPeriod, required: true, description: 'The period of the limit.' }),
    unit: t.field({ type: BudgetUnit, required: true, description: 'What the limit counts.' }),
    currency: t.string({
      validate: currencyCode,
      description:
        "The ISO 4217 code of what a limit of MONEY counts. Absent: the one that the budget has, or for a new one the gateway's currency of reports. What was paid before counts as far as it could be converted then.",
    }),
    limit: t.field({
      type: 'BigInt',
      description:
        'The limit, from 0, in tokens or in millionths of the currency. Null or absent removes it.',
    }),
  }),
})

builder.mutationField('setBudget', (t) =>
  t.prismaField({
    type: User,
    authScopes: { admin: true },
    description: 'Sets or removes a limit of a user. For admins.',
    args: { input: t.arg({ type: SetBudgetInput, required: true, description: 'The limit.' }) },
    resolve: async (query, _, { input }, { usage, accounts, viewer, prisma }) => {
      const { period, unit, currency, limit = null } = input
      const userId = input.userId.id
      const details = {
        period,
        unit,
        ...(currency && { currency }),
        limit: limit === null ? null : `${limit}`,
      }
      await accounts.audited(viewer, { action: 'SET_BUDGET', userId, details }, (tx) =>
        usage.setBudget({ userId, period, unit, currency, limit }, tx),
      )
      return prisma.user.findUniqueOrThrow({ ...query, where: { id: userId } })
    },
  }),
)
