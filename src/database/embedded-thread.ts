import { once } from 'node:events'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { EmbeddedWorkerData, ToEmbeddedWorker } from './embedded-worker.ts'
import { PortSocket } from './port-socket.ts'

/** An embedded database in a thread of its own, reached by PostgreSQL's protocol like a server. */
export interface EmbeddedThread {
  /** Connections are served one after another. */
  connect(): Duplex
  /** Waits for the connection that is open. */
  close(): Promise<void>
}

const file = join(import.meta.dirname, 'embedded-worker.ts')

/**
 * A thread that fails takes its connection with it, as a server that crashes does. The next connection starts it again,
 * on what was committed.
 */
export async function startEmbeddedThread(
  folder: string,
  onError: (error: Error) => void,
): Promise<EmbeddedThread> {
  let running: Worker | null = null

  const start = (): Worker => {
    const workerData: EmbeddedWorkerData = { folder }
    const worker = new Worker(file, { workerData })
    worker.once('exit', () => {
      running = null
    })
    running = worker
    return worker
  }
  const watch = (worker: Worker) =>
    worker.on('error', (cause) => onError(new Error('The embedded database failed', { cause })))

  const first = start()
  await untilOpen(first).catch((cause) => {
    throw new Error(`The embedded database in ${join(folder, 'postgres')} cannot be opened`, { cause })
  })
  watch(first)
  return {
    connect: () => {
      const { port1, port2 } = new MessageChannel()
      const worker = running ?? watch(start())
      worker.postMessage(port2 satisfies ToEmbeddedWorker, [port2])
      return new PortSocket(port1)
    },
    close: async () => {
      if (!running) return
      const exited = once(running, 'exit')
      running.postMessage('close' satisfies ToEmbeddedWorker)
      await exited
    },
  }
}

async function untilOpen(worker: Worker): Promise<void> {
  const ended = once(worker, 'exit').then(([code]) => {
    throw new Error(`Its thread ended with ${code}`)
  })
  await Promise.race([once(worker, 'message'), ended])
}
