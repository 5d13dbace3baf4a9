import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import type { Database } from '../../../src/database/database.ts'
import { connectEmbedded } from '../../../src/database/embedded-database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { openPglite } from '../../../src/database/pglite-folder.ts'
import { PgliteServer } from '../../../src/database/pglite-server.ts'
import { PortSocket } from '../../../src/database/port-socket.ts'
import { patientDatabase } from './patient-database.ts'
import { createPostgresDatabase, isPostgresHere } from './postgres-database.ts'
import { copyPreparedFolder } from './prepared-embedded.ts'

const onError = (error: Error) => {
  throw error
}

/**
 * A real, empty, migrated database of its own: one of the server of all test files, which takes a twentieth of the work,
 * and where PostgreSQL is not installed an embedded one. Close it in `afterAll`.
 */
export async function createTestDatabase(): Promise<Database> {
  if (!isPostgresHere()) return createEmbeddedDatabase()
  return openDatabase({
    kind: 'server',
    url: await createPostgresDatabase(),
    poolSize: 8,
    queuePoolSize: 2,
    timeouts: patientDatabase,
    onError,
  })
}

/** For what is about the embedded one, here in this thread. */
export async function createEmbeddedDatabase(): Promise<Database> {
  return connectPglite(await createTestPglite())
}

/** What such a database is made of, for whoever connects to it otherwise. To close it is to remove it. */
export async function createTestPglite(): Promise<PGlite> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-database-'))
  await copyPreparedFolder(folder)
  const pglite = await openPglite(folder)
  const close = pglite.close.bind(pglite)
  pglite.close = async () => {
    await close()
    await rm(folder, { recursive: true, force: true })
  }
  return pglite
}

/** A database over a PGlite, which it then owns. */
export async function connectPglite(pglite: PGlite): Promise<Database> {
  const server = new PgliteServer(pglite)
  const database = await connectEmbedded(() => connectTo(server), { onError })
  return {
    ...database,
    close: async () => {
      await database.close()
      await server.close()
    },
  }
}

/** From its own thread. */
export function connectTo(server: PgliteServer): PortSocket {
  const { port1, port2 } = new MessageChannel()
  server.accept(port2)
  return new PortSocket(port1)
}
