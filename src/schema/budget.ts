import type { BudgetState } from '../usage/budget.ts'
import { builder } from './builder.ts'
import { User } from './user.ts'

const BudgetPeriod = builder.enumType('BudgetPeriod', {
  description: 'How long a budget lasts before it starts anew.',
  values: {
    DAY: { description: 'A day in UTC.' },
    MONTH: { description: 'A calendar month in UTC.' },
    TOTAL: { description: 'For good.' },
  } as const,
})

const BudgetUnit = builder.enumType('BudgetUnit', {
  description: 'What a budget counts.',
  values: {
    TOKENS: { description: 'Tokens.' },
    MONEY: { description: 'Millionths of the currency.' },
  } as const,
})

export const Budget = builder.objectRef<BudgetState>('Budget').implement({
  authScopes: ({ userId }) => ({ self: userId }),
  description:
    'A limit on what a user uses. The most an operation can take is reserved when it is accepted; what it really took is used when it has succeeded, and the rest is given back.',
  fields: (t) => ({
    period: t.expose('period', { type: BudgetPeriod, description: 'How long it lasts.' }),
    unit: t.expose('unit', { type: BudgetUnit, description: 'What it counts.' }),
    limit: t.expose('limit', { type: 'BigInt', description: 'The limit.' }),
    used: t.expose('used', { type: 'BigInt', description: 'What finished operations took.' }),
    reserved: t.expose('reserved', {
      type: 'BigInt',
      description: 'What running operations may still take.',
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
    userId: t.globalID({ for: User, required: true, description: 'Whose.' }),
    period: t.field({ type: BudgetPeriod, required: true, description: 'For how long.' }),
    unit: t.field({ type: BudgetUnit, required: true, description: 'Of what.' }),
    limit: t.field({ type: 'BigInt', description: 'From 0. Null or absent takes the limit away.' }),
  }),
})

builder.mutationField('setBudget', (t) =>
  t.prismaField({
    type: User,
    authScopes: { admin: true },
    description: 'Sets or takes away a limit of a user. For admins.',
    args: { input: t.arg({ type: SetBudgetInput, required: true, description: 'The limit.' }) },
    resolve: async (query, _, { input }, { usage, prisma }) => {
      const { userId, period, unit, limit } = input
      await usage.setBudget({ userId: userId.id, period, unit, limit: limit ?? null })
      return prisma.user.findUniqueOrThrow({ ...query, where: { id: userId.id } })
    },
  }),
)
