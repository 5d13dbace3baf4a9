import type { ProviderLoss as Loss, ProviderLossReport as Report } from '../usage/provider-loss.ts'
import { builder } from './builder.ts'
import { Money } from './money.ts'
import { Operation } from './operation.ts'
import { report } from './rate-points.ts'

const ProviderLoss = builder.objectRef<Loss>('ProviderLoss').implement({
  description:
    'A call that a provider may have carried out and charged for, but that brought no image, or fewer than requested: its outcome is unknown, its result was lost, or it was cancelled on the way. The user pays for the images that came, the house for the others.',
  fields: (t) => ({
    operation: t.field({
      type: Operation,
      nullable: true,
      description: "The operation, with the provider's own ids to ask it about.",
      resolve: ({ operationId }, _, { loaders }) => loaders.operation.load(operationId),
    }),
    totalTokens: t.expose('totalTokens', {
      type: 'BigInt',
      description: 'The most tokens that the missing images may have used.',
    }),
    cost: t.expose('cost', { type: Money, description: 'The most that the missing images may have cost.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was booked.' }),
  }),
})

const ProviderLossSum = builder.objectRef<Report['total']>('ProviderLossSum').implement({
  description: 'Sums of provider losses.',
  fields: (t) => ({
    operations: t.exposeInt('operations', { description: 'How many operations.' }),
    totalTokens: t.expose('totalTokens', {
      type: 'BigInt',
      description: 'The most tokens that they may have used.',
    }),
    costs: t.expose('costs', {
      type: [Money],
      description: 'The most that they may have cost, one amount for each currency.',
    }),
  }),
})

const ProviderLossReport = builder.objectRef<Report>('ProviderLossReport').implement({
  description: 'What the house paid for, or may have paid for, without an image for the user.',
  fields: (t) => ({
    rows: t.expose('rows', {
      type: [ProviderLoss],
      complexity: { field: 1, multiplier: 20 },
      description: 'Each loss, the newest first, at most 1,000.',
    }),
    total: t.expose('total', {
      type: ProviderLossSum,
      description: 'The sum of all, those beyond 1,000 too.',
    }),
  }),
})

builder.queryField('providerLosses', (t) =>
  t.field({
    type: ProviderLossReport,
    extensions: report,
    authScopes: { admin: true },
    description: 'What the house paid for, or may have paid for, without an image for the user. For admins.',
    args: {
      from: t.arg({ type: 'DateTime', required: true, description: 'The beginning, inclusive.' }),
      to: t.arg({ type: 'DateTime', required: true, description: 'The end, exclusive.' }),
    },
    resolve: (_, range, { usage }) => usage.reportLosses(range),
  }),
)
