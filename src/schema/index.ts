import { builder } from './builder.ts'
import './scalars.ts'
import './operation.ts'
import './operation-events.ts'
import './generate-image.ts'
import './edit-image.ts'
import './create-variation.ts'
import './cancel-operation.ts'
import './delete-operation.ts'
import './image-model.ts'
import './estimate-cost.ts'
import './usage-report.ts'
import './provider-loss.ts'
import './provider-status.ts'
import './budget.ts'
import './account.ts'
import './rate-limits.ts'
import './storage-use.ts'
import './user-life.ts'
import './audit-log.ts'

builder.queryType({ description: 'What can be read.' })
builder.mutationType({ description: 'What can be done. Those that make images cost money upstream.' })
builder.subscriptionType({
  description: 'What can be watched, over server-sent events: at /graphql/stream (graphql-sse) or /graphql.',
})

/** Those that make images cost money upstream. */
export const paidMutations = ['generateImage', 'editImage', 'createVariation'] as const

export const schema = builder.toSchema({})
