import { notFound } from '../errors.ts'
import { builder } from './builder.ts'
import { visibleTo } from './context.ts'
import { Operation } from './operation.ts'

builder.mutationField('deleteOperation', (t) =>
  t.prismaField({
    type: Operation,
    description:
      "Deletes the images of an operation that has ended, with its prompt, its events and its request id, now and for good. Its addresses answer 404, and other operations no longer show the images that they used of it. What it cost stays in the usage and the budgets. Deleting it again changes nothing. Members delete their own; of an admin who deletes what is another's the audit log has an entry. Errors: `OPERATION_NOT_ENDED`, `OPERATION_IN_USE`.",
    args: { id: t.arg.globalID({ required: true, for: Operation, description: 'Its id.' }) },
    resolve: async (query, _, { id }, { accounts, operations, prisma, viewer }) => {
      const where = { id: id.id, ...visibleTo(viewer) }
      const found = await prisma.operation.findUnique({ where, select: { userId: true } })
      if (!found) throw notFound('operation')
      const { userId } = found
      await operations.delete(id.id, async (tx) => {
        const act = { action: 'DELETE_OPERATION', userId, details: { operationId: id.id } } as const
        if (userId !== viewer.userId) await accounts.record(tx, viewer, act)
      })
      return prisma.operation.findUniqueOrThrow({ ...query, where })
    },
  }),
)
