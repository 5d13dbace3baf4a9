import { type RateLimits as Limits, pickRateLimits } from '../accounts/rate-limits.ts'
import { EaselError, notFound } from '../errors.ts'
import { ApiKey } from './account.ts'
import { builder } from './builder.ts'
import { User } from './user.ts'

const descriptions = {
  requestsPerMinute: 'Requests within a minute. One for paid work or a report counts 10, any other 1.',
  imagesPerMinute: 'Images asked for within a minute: the sum of `n`.',
  tokensPerMinute:
    'Tokens asked for within a minute: the most that each operation can take, as its budget reserves.',
  concurrentOperations: 'Operations that are queued or run at the same time.',
} as const satisfies Record<keyof Limits, string>

const RateLimits = builder.objectRef<Limits>('RateLimits').implement({
  description:
    'How much may be asked for. What is beyond is refused with `RATE_LIMITED` and `retryAfterMs` before anything is spent. Null: any number.',
  fields: (t) => ({
    requestsPerMinute: t.exposeInt('requestsPerMinute', {
      nullable: true,
      description: descriptions.requestsPerMinute,
    }),
    imagesPerMinute: t.exposeInt('imagesPerMinute', {
      nullable: true,
      description: descriptions.imagesPerMinute,
    }),
    tokensPerMinute: t.exposeInt('tokensPerMinute', {
      nullable: true,
      description: descriptions.tokensPerMinute,
    }),
    concurrentOperations: t.exposeInt('concurrentOperations', {
      nullable: true,
      description: descriptions.concurrentOperations,
    }),
  }),
})

builder.prismaObjectFields(User, (t) => ({
  rateLimits: t.field({
    type: RateLimits,
    authScopes: ({ id }) => ({ self: id }),
    description: 'How much the user may ask for: what was set for it, or the defaults of this gateway.',
    resolve: (user, _, { accounts }) => accounts.rateLimitsOf(user),
  }),
}))

builder.prismaObjectFields(ApiKey, (t) => ({
  rateLimits: t.field({
    type: RateLimits,
    description: 'How much may be asked for with this key, beside the limits of its user.',
    resolve: pickRateLimits,
  }),
}))

const SetRateLimitsInput = builder.inputType('SetRateLimitsInput', {
  description: 'Limits to set, of a user or of one key. What is left out stays; null sets the default again.',
  fields: (t) => ({
    userId: t.globalID({ for: User, description: 'The user. Exactly one of `userId` and `apiKeyId`.' }),
    apiKeyId: t.globalID({ for: ApiKey, description: 'The key. Exactly one of `userId` and `apiKeyId`.' }),
    requestsPerMinute: t.int({ description: descriptions.requestsPerMinute }),
    imagesPerMinute: t.int({ description: descriptions.imagesPerMinute }),
    tokensPerMinute: t.int({ description: descriptions.tokensPerMinute }),
    concurrentOperations: t.int({ description: descriptions.concurrentOperations }),
  }),
})

builder.mutationField('setRateLimits', (t) =>
  t.prismaField({
    type: User,
    authScopes: { admin: true },
    description: 'Sets how much a user or a key may ask for, and answers the user. For admins.',
    args: { input: t.arg({ type: SetRateLimitsInput, required: true, description: 'The limits.' }) },
    resolve: async (query, _, { input }, { accounts, prisma, viewer }) => {
      const { userId, apiKeyId, ...limits } = input
      checkLimits(limits)
      const owner = ownerOf(userId?.id, apiKeyId?.id)
      const user = await accounts.setRateLimits(owner, limits, viewer)
      if (!user) throw notFound('userId' in owner ? 'user' : 'key')
      return prisma.user.findUniqueOrThrow({ ...query, where: { id: user } })
    },
  }),
)

function ownerOf(userId: string | undefined, apiKeyId: string | undefined) {
  if (userId !== undefined && apiKeyId === undefined) return { userId }
  if (apiKeyId !== undefined && userId === undefined) return { apiKeyId }
  throw new EaselError('BAD_USER_INPUT', 'Give exactly one of userId and apiKeyId.', {
    reason: 'ARGUMENT_NOT_VALID',
    field: 'input',
  })
}

function checkLimits(limits: Partial<Record<keyof Limits, number | null | undefined>>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (limit === null || limit === undefined || limit >= 1) continue
    throw new EaselError('BAD_USER_INPUT', 'A limit is a whole number from 1, or null for the default.', {
      reason: 'OUT_OF_RANGE',
      field: `input.${name}`,
      actual: limit,
      allowed: { min: 1 },
    })
  }
}
