import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import type { Database } from '../../../src/database/database.ts'
import { connectEmbedded } from '../../../src/database/embedded-database.ts'
import { openPglite } from '../../../src/database/pglite-folder.ts'
import { PgliteServer } from '../../../src/database/pglite-server.ts'
import { PortSocket } from '../../../src/database/port-socket.ts'
import { copyPreparedFolder } from './prepared-embedded.ts'

/** A real, empty, migrated PostgreSQL in this thread: one of its own costs each test file a start. Close it in `afterAll`. */
export async function createTestDatabase(): Promise<Database> {
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
  const onError = (error: Error) => {
    throw error
  }
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
