import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { openPglite } from './pglite-folder.ts'
import { PgliteServer } from './pglite-server.ts'

/*
 * The thread of the embedded database: PGlite computes for milliseconds at a time, and nobody else waits for that.
 */

export interface EmbeddedWorkerData {
  folder: string
}

/** A port is a new connection. */
export type ToEmbeddedWorker = MessagePort | 'close'

const main = parentPort as MessagePort
const { folder } = workerData as EmbeddedWorkerData
const server = new PgliteServer(await openPglite(folder))
main.on('message', async (message: ToEmbeddedWorker) => {
  if (message !== 'close') return server.accept(message)
  await server.close()
  main.close()
})
main.postMessage('open')
