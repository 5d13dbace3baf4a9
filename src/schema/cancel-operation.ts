import { notFound } from '../errors.ts'
import { builder } from './builder.ts'
import { visibleTo } from './context.ts'
import { Operation } from './operation.ts'

/** How long the answer waits for a running call to be aborted, so that it usually shows the final status. */
const patienceMs = 2_000

builder.mutationField('cancelOperation', (t) =>
  t.prismaField({
    type: Operation,
    description:
      'Asks for an operation to end. An operation that already has its result still succeeds. Nothing is charged for a cancelled operation. Cancelling an operation again, or one that has ended, changes nothing.',
    args: { id: t.arg.globalID({ required: true, for: Operation, description: 'Its id.' }) },
    resolve: async (query, _, { id }, { prisma, operations, viewer, signal }) => {
      const where = { id: id.id, ...visibleTo(viewer) }
      if (!(await prisma.operation.findUnique({ where, select: { id: true } }))) throw notFound('operation')
      await operations.cancel(id.id)
      await operations.wait(id.id, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]))
      return prisma.operation.findUniqueOrThrow({ ...query, where })
    },
  }),
)
