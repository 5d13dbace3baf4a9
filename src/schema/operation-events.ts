import { z } from 'zod'
import type { OperationEvent as EventRow } from '../database/generated/client.ts'
import { notFound } from '../errors.ts'
import { kindOfEvent, readImagePayload } from '../operations/event-payload.ts'
import { readOperationError } from '../operations/kept-failure.ts'
import { internalFailure } from '../operations/operation-error.ts'
import { builder } from './builder.ts'
import { type Context, visibleTo } from './context.ts'
import { OperationStatus } from './enums.ts'
import { Image, inBase64 } from './image.ts'
import { ImageUsage } from './image-usage.ts'
import { Operation } from './operation.ts'
import { OperationError } from './operation-error.ts'

const ImageEvent = builder.interfaceRef<EventRow>('ImageEvent').implement({
  description: 'Something that happened to the images of an operation.',
  resolveType: (event) => {
    const kind = kindOfEvent(event)
    if (kind === 'partialImage') return 'PartialImageEvent'
    return kind === 'image' ? 'ImageCompletedEvent' : 'ImageFailedEvent'
  },
  fields: (t) => ({
    sequence: t.exposeInt('sequence', {
      description:
        'Its place among all events of the operation, which start at 1 and have no gaps; `operationStatus` shows the others. Give the last one you saw as `after` to go on.',
    }),
    type: t.exposeString('type', {
      description: 'As on the wire of the provider, e.g. `image_edit.partial_image`.',
    }),
    createdAt: t.int({
      description: 'When it happened, in Unix seconds.',
      resolve: ({ createdAt }) => Math.floor(createdAt.getTime() / 1000),
    }),
    operationId: t.globalID({
      description: 'The operation.',
      resolve: ({ operationId }) => ({ type: 'Operation', id: operationId }),
    }),
  }),
})

const eventImage = async (event: EventRow, { loaders }: Context) => {
  const image = await loaders.image.load(readImagePayload(event).imageId)
  if (!image) throw notFound('image any more')
  return image
}

type EventFields = PothosSchemaTypes.ObjectFieldBuilder<typeof builder.$inferSchemaTypes, EventRow>

const imageFields = (t: EventFields) => ({
  image: t.field({
    type: Image,
    description: 'The image.',
    resolve: (event, _, context) => eventImage(event, context),
  }),
  b64Json: t.string({
    description: 'The file in base64. Large: `image.url` is usually better.',
    complexity: 50,
    resolve: async (event, _, context) => inBase64(await eventImage(event, context), context),
  }),
})

const factFields = (t: EventFields) => ({
  size: t.string({
    nullable: true,
    description: 'The size, as the provider says.',
    resolve: (event) => readImagePayload(event).facts.size,
  }),
  background: t.string({
    nullable: true,
    description: 'The background, as the provider says.',
    resolve: (event) => readImagePayload(event).facts.background,
  }),
  quality: t.string({
    nullable: true,
    description: 'The quality, as the provider says.',
    resolve: (event) => readImagePayload(event).facts.quality,
  }),
  outputFormat: t.string({
    nullable: true,
    description: 'The format, as the provider says; `Image.mimeType` is what the bytes are.',
    resolve: (event) => readImagePayload(event).facts.outputFormat,
  }),
})

const PartialImageEvent = builder.objectRef<EventRow>('PartialImageEvent')
PartialImageEvent.implement({
  interfaces: [ImageEvent],
  description: 'An earlier, blurry state of the image.',
  fields: (t) => ({
    ...imageFields(t),
    partialImageIndex: t.int({
      description: 'Its place among the partial images, from 0.',
      resolve: (event) => readImagePayload(event).index,
    }),
    ...factFields(t),
  }),
})

const ImageCompletedEvent = builder.objectRef<EventRow>('ImageCompletedEvent')
ImageCompletedEvent.implement({
  interfaces: [ImageEvent],
  description: 'A finished image. One for each image of the result.',
  fields: (t) => ({
    ...imageFields(t),
    usage: t.prismaField({
      type: ImageUsage,
      nullable: true,
      description:
        'The usage of the whole operation. Only its last image has it, so that a sum over the images counts it once.',
      resolve: (query, event, _, { prisma }) => {
        const payload = readImagePayload(event)
        if (payload.kind !== 'image' || !payload.last) return null
        return prisma.usageRecord.findUnique({ ...query, where: { operationId: event.operationId } })
      },
    }),
    ...factFields(t),
  }),
})

builder.objectRef<EventRow>('ImageFailedEvent').implement({
  interfaces: [ImageEvent],
  description: 'The operation ended without an image.',
  fields: (t) => ({
    error: t.field({
      type: OperationError,
      description: 'Why.',
      resolve: async ({ operationId }, _, { loaders }) => {
        const operation = await loaders.operation.load(operationId)
        return (operation && readOperationError(operation)) ?? internalFailure
      },
    }),
  }),
})

const OperationEvent = builder.objectRef<EventRow>('OperationEvent').implement({
  description: 'Something that happened to an operation. There is one for every event, images included.',
  fields: (t) => ({
    sequence: t.exposeInt('sequence', {
      description: 'Its place among the events of the operation, from 1, without gaps.',
    }),
    status: t.expose('status', { type: OperationStatus, description: 'The status at that time.' }),
    stage: t.exposeString('stage', {
      description: 'The stage at that time; see `OperationMetadata.stage`.',
    }),
    operation: t.prismaField({
      type: Operation,
      description: 'The operation as it is now.',
      resolve: (query, { operationId }, _, { prisma }) =>
        prisma.operation.findUniqueOrThrow({ ...query, where: { id: operationId } }),
    }),
  }),
})

const after = z.number().int().min(0, 'after is the last sequence you saw, or 0.')

interface FollowArgs {
  operationId: { id: string }
  after?: number | null
}

/** An operation that does not exist fails the subscription itself, not its first event. */
async function subscribe(
  context: Context,
  { operationId: { id }, after: last }: FollowArgs,
  { imagesOnly }: { imagesOnly: boolean },
): Promise<AsyncIterable<EventRow>> {
  const { prisma, viewer, operations, signal } = context
  const where = { id, ...visibleTo(viewer) }
  if (!(await prisma.operation.findUnique({ where, select: { id: true } }))) throw notFound('operation')
  const events = operations.follow(id, last ?? 0, signal)
  return imagesOnly ? withImages(events) : events
}

async function* withImages(events: AsyncIterable<EventRow>): AsyncGenerator<EventRow> {
  for await (const event of events) {
    const kind = kindOfEvent(event)
    if (kind !== null && kind !== 'status') yield event
  }
}

type SubscriptionBuilder = PothosSchemaTypes.SubscriptionFieldBuilder<
  typeof builder.$inferSchemaTypes,
  typeof builder.$inferSchemaTypes.Root
>

const followArgs = (t: SubscriptionBuilder) => ({
  operationId: t.arg.globalID({ required: true, for: Operation, description: 'The operation.' }),
  after: t.arg.int({ defaultValue: 0, validate: after, description: 'The last `sequence` you have seen.' }),
})

builder.subscriptionFields((t) => ({
  partialImages: t.field({
    type: ImageEvent,
    description:
      'The images of an operation as they arrive: first those after the event `after`, then new ones. The stream ends when the operation has ended. You can subscribe before, during or after the work and miss nothing.',
    args: followArgs(t),
    subscribe: (_, args, context) => subscribe(context, args, { imagesOnly: true }),
    resolve: (event) => event,
  }),
  operationStatus: t.field({
    type: OperationEvent,
    description:
      'Every event of an operation: first those after the event `after`, then new ones. The stream ends when the operation has ended.',
    args: followArgs(t),
    subscribe: (_, args, context) => subscribe(context, args, { imagesOnly: false }),
    resolve: (event) => event,
  }),
}))
