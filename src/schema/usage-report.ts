import type { UsageDimension as Dimension } from '../usage/report-request.ts'
import type { RollUpCheck } from '../usage/roll-up.ts'
import type { UsageReport as Report, UsageRow as Row } from '../usage/usage-report.ts'
import { builder } from './builder.ts'
import { OperationKind } from './enums.ts'
import { Money } from './money.ts'
import { report } from './rate-points.ts'
import { User } from './user.ts'

const UsageDimension = builder.enumType('UsageDimension', {
  description: 'What a usage report can be broken down by.',
  values: {
    USER: { description: 'The user of the gateway.' },
    END_USER: { description: 'The `user` of the input.' },
    PROVIDER: { description: 'The provider.' },
    MODEL: { description: 'The model.' },
    KIND: { description: 'Generated, edited or varied.' },
    HOUR: { description: 'Hours, as clocks in the time zone of the report show them.' },
    DAY: { description: 'Days, in the time zone of the report.' },
    MONTH: { description: 'Months, in the time zone of the report.' },
  } as const satisfies Record<Dimension, object>,
})

const UsageFilter = builder.inputType('UsageFilter', {
  description: 'Which usage to add up. Everything given must hold.',
  fields: (t) => ({
    userId: t.globalIDList({
      for: User,
      description: 'Only of these users. Members see only their own anyway.',
    }),
    endUser: t.string({ description: 'Only for this end user.' }),
    provider: t.string({ description: 'Only this provider.' }),
    model: t.string({ description: 'Only this model.' }),
    kind: t.field({ type: OperationKind, description: 'Only this kind.' }),
  }),
})

const tokens = [
  ['inputTokens', 'Tokens of prompts and input images.'],
  ['outputTokens', 'Tokens of images made.'],
  ['totalTokens', 'All tokens.'],
  ['inputTextTokens', 'Tokens of prompts.'],
  ['inputImageTokens', 'Tokens of input images.'],
  ['outputTextTokens', 'Tokens of text made.'],
  ['outputImageTokens', 'Tokens of images made, partial images included.'],
  ['cachedInputTokens', 'Tokens of the input that the providers had read before, which may cost less.'],
] as const

const UsageRow = builder.objectRef<Row>('UsageRow').implement({
  description:
    'Sums of usage. The dimensions that the report is broken down by are filled in, the others are null.',
  fields: (t) => ({
    user: t.prismaField({
      type: User,
      nullable: true,
      description: 'The user.',
      resolve: (query, { userId }, _, { prisma }) =>
        userId === null ? null : prisma.user.findUnique({ ...query, where: { id: userId } }),
    }),
    endUser: t.exposeString('endUser', { nullable: true, description: 'The end user.' }),
    provider: t.exposeString('provider', { nullable: true, description: 'The provider.' }),
    model: t.exposeString('model', { nullable: true, description: 'The model.' }),
    kind: t.expose('kind', { type: OperationKind, nullable: true, description: 'The kind.' }),
    start: t.expose('start', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the hour, day or month begins: at midnight, and where clocks skip that, right after it.',
    }),
    operations: t.int({
      description: 'How many operations succeeded.',
      resolve: (row) => Number(row.operations),
    }),
    images: t.int({ description: 'How many images were made.', resolve: (row) => Number(row.images) }),
    ...Object.fromEntries(
      tokens.map(([name, description]) => [name, t.expose(name, { type: 'BigInt', description })]),
    ),
    cost: t.expose('cost', {
      type: Money,
      description:
        "What it cost in the gateway's one currency of reports. What was paid in others is converted at the operator's rates of the days of use, rounded to the nearest micro-unit; what has no rate is in `costs` alone.",
    }),
    costs: t.field({
      type: [Money],
      description: 'What it cost as it was paid: one amount for each currency, not converted.',
      resolve: ({ costs }) => costs,
    }),
    estimatedShare: t.exposeFloat('estimatedShare', {
      description: "Which part of the operations, 0 to 1, has figures that are Easel's estimate.",
    }),
  }),
})

export const UsageReport = builder.objectRef<Report>('UsageReport').implement({
  description: 'The sums of usage between two moments.',
  fields: (t) => ({
    rows: t.field({
      type: [UsageRow],
      complexity: { field: 1, multiplier: 20 },
      description: 'One row for each combination of the dimensions; empty when nothing is grouped by.',
      resolve: ({ rows }) => rows,
    }),
    total: t.field({ type: UsageRow, description: 'The sum of all.', resolve: ({ total }) => total }),
  }),
})

builder.queryField('usage', (t) =>
  t.field({
    type: UsageReport,
    extensions: report,
    description:
      'Adds up the usage of finished operations by any set of dimensions. An admin sees all users, a member only itself. At most 10,000 rows.',
    args: {
      from: t.arg({ type: 'DateTime', required: true, description: 'The beginning, inclusive.' }),
      to: t.arg({ type: 'DateTime', required: true, description: 'The end, exclusive.' }),
      groupBy: t.arg({
        type: [UsageDimension],
        required: true,
        defaultValue: [],
        description: 'The dimensions to break it down by.',
      }),
      filter: t.arg({ type: UsageFilter, description: 'Which usage.' }),
      timeZone: t.arg.string({
        description:
          'Where hours, days and months begin, by its name in the IANA database such as `Europe/Moscow`; the `timeZone` of the gateway by default.',
      }),
    },
    resolve: (_, { from, to, groupBy, filter, timeZone }, { usage, viewer }) => {
      const { userId, endUser, provider, model, kind } = filter ?? {}
      const userIds = userId?.map(({ id }) => id)
      return usage.reportFor(viewer, {
        from,
        to,
        groupBy,
        timeZone,
        filter: { userIds, endUser, provider, model, kind },
      })
    },
  }),
)

builder.queryField('timeZone', (t) =>
  t.string({
    description:
      'The time zone in which the days and months of budgets begin, and those of reports that ask for no other.',
    resolve: (_, __, { usage }) => usage.timeZone,
  }),
)

const UsageVerification = builder.objectRef<RollUpCheck>('UsageVerification').implement({
  description: 'How the hourly sums that reports are read from compare with the records of the operations.',
  fields: (t) => ({
    agrees: t.exposeBoolean('agrees', {
      description: 'Whether every hourly sum was what the records add up to.',
    }),
    differences: t.exposeInt('differences', {
      description: 'How many hourly sums were wrong, missing or superfluous before a repair.',
    }),
  }),
})

builder.mutationField('verifyUsage', (t) =>
  t.field({
    type: UsageVerification,
    extensions: report,
    authScopes: { admin: true },
    description:
      'Computes the hourly sums of all usage again from the records and compares them. It reads every record. For admins.',
    args: {
      repair: t.arg.boolean({
        defaultValue: false,
        description: 'Also correct the sums. Operations cannot end until this is done.',
      }),
    },
    resolve: (_, { repair }, { usage }) => usage.verifyRollUps({ repair: repair ?? false }),
  }),
)
