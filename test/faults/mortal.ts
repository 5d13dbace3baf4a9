import type { Database, PrismaClient } from '../../src/database/database.ts'
import { connectEmbedded } from '../../src/database/embedded-database.ts'
import type { PgliteServer } from '../../src/database/pglite-server.ts'
import { connectTo } from '../kit/database/test-database.ts'

/** One life of a process over a database that outlives it. */
export interface MortalDatabase extends Database {
  /** From now on nothing that this life does reaches the database, and nothing it waits for comes. */
  kill(): Promise<void>
}

/** Kept, so that the files a dead life had open are not found and complained of by the garbage collector. */
const graves: Promise<never>[] = []

export function never(): Promise<never> {
  const grave = new Promise<never>(() => {})
  graves.push(grave)
  return grave
}

/**
 * A kill without a process: what waits for the database waits for ever, so no line of the dead life's code runs any
 * more, not even its `finally`. A transaction that is under way is rolled back, as its connection would break.
 */
export async function beginLife(server: PgliteServer): Promise<MortalDatabase> {
  const database = await connectEmbedded(() => connectTo(server), { onError: () => {} })
  const death = Promise.withResolvers<never>()
  death.promise.catch(() => {})
  let isDead = false

  const mortal = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) return never()
    const result = await work().catch((error: unknown) => (isDead ? never() : Promise.reject(error)))
    return isDead ? never() : result
  }

  return {
    kind: 'server',
    prisma: wrap(database.prisma, mortal, death.promise),
    boss: database.boss,
    notifications: {
      subscribe: (channel, wake) =>
        database.notifications.subscribe(channel, (payload) => {
          if (!isDead) wake(payload)
        }),
    },
    kill: async () => {
      isDead = true
      death.reject(new Error('The process was killed'))
      await database.boss.stop({ graceful: false })
      // Its connection ends when its last transaction has been rolled back, and only then another life may connect.
      await database.close()
    },
    close: database.close,
  }
}

type Mortal = <T>(work: () => Promise<T>) => Promise<T>

function wrap(prisma: PrismaClient, mortal: Mortal, death: Promise<never>): PrismaClient {
  const transaction = (work: (tx: unknown) => Promise<unknown>, options?: object) =>
    mortal(() => prisma.$transaction((tx) => Promise.race([work(tx), death]), options))
  return new Proxy(prisma, {
    get(target, name) {
      if (name === '$transaction') return transaction
      const member: unknown = Reflect.get(target, name)
      if (typeof member === 'function') return mortalFunction(member as AnyFunction, target, mortal)
      return typeof member === 'object' && member !== null ? mortalModel(member, mortal) : member
    },
  })
}

type AnyFunction = (...given: unknown[]) => Promise<unknown>

const mortalFunction =
  (work: AnyFunction, target: object, mortal: Mortal) =>
  (...given: unknown[]) =>
    mortal(() => Promise.resolve(Reflect.apply(work, target, given)))

function mortalModel(model: object, mortal: Mortal): object {
  return new Proxy(model, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? mortalFunction(member as AnyFunction, target, mortal) : member
    },
  })
}
