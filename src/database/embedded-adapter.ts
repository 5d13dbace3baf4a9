import type { PGlite, Transaction } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'

type Adapter = Awaited<ReturnType<PrismaPGlite['connect']>>

/**
 * Prisma's adapter for PGlite, with an honest COMMIT. The adapter (0.7.2) drops the error of a transaction that it has
 * handed out already, so that one whose COMMIT failed counts as committed and its rows are not there.
 */
export function createEmbeddedAdapter(pglite: PGlite): PrismaPGlite {
  const factory = new PrismaPGlite(pglite)
  const connectFactory = factory.connect.bind(factory)
  const connect = async (): Promise<Adapter> => {
    const adapter = await connectFactory()
    const startTransaction: Adapter['startTransaction'] = (level) => startHonestly(pglite, level)
    return Object.assign(adapter, { startTransaction })
  }
  return Object.assign(factory, { connect })
}

async function startHonestly(
  pglite: PGlite,
  isolationLevel: Parameters<Adapter['startTransaction']>[0],
): ReturnType<Adapter['startTransaction']> {
  let ended: Promise<unknown> = Promise.resolve()
  const transaction = (work: (tx: Transaction) => Promise<unknown>) => {
    ended = pglite.transaction(work)
    return ended
  }
  const adapter = await new PrismaPGlite(withTransaction(pglite, transaction)).connect()
  const started = await adapter.startTransaction(isolationLevel)
  const commit = started.commit.bind(started)
  return Object.assign(started, {
    commit: async () => {
      await commit()
      await ended
    },
  })
}

/** The same database, which begins transactions in another way. */
function withTransaction(pglite: PGlite, transaction: unknown): PGlite {
  return new Proxy(pglite, {
    get: (target, name) => {
      if (name === 'transaction') return transaction
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}
