import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import { joinBytes } from './port-socket.ts'

/** PostgreSQL's protocol over ports. PGlite has one session, so there is one connection at a time; others wait for it. */
export class PgliteServer {
  readonly #pglite: PGlite
  #last: Promise<void> = Promise.resolve()

  constructor(pglite: PGlite) {
    this.#pglite = pglite
  }

  accept(port: MessagePort): void {
    this.#last = this.#last.then(() => serve(this.#pglite, port))
  }

  /** When the connections have ended. */
  async close(): Promise<void> {
    await this.#last
    await this.#pglite.close()
  }
}

/** Until the other side closes the port. What it leaves open is rolled back, as a server does. */
async function serve(pglite: PGlite, port: MessagePort): Promise<void> {
  port.on('message', async (request: Uint8Array) => {
    const reply = await answer(pglite, request)
    if (reply.length > 0) port.postMessage(reply, [reply.buffer])
  })
  await once(port, 'close')
  if (pglite.isInTransaction()) await pglite.exec('ROLLBACK')
}

/** One message for all of the answer: each one costs the other thread a turn of its event loop. */
async function answer(pglite: PGlite, request: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  await pglite.execProtocolRawStream(request, {
    // What is handed over lies in PGlite's memory, and is overwritten.
    onRawData: (chunk) => void chunks.push(chunk.slice()),
  })
  return joinBytes(chunks)
}
