import { fork } from 'node:child_process'
import { once } from 'node:events'

export interface Memory {
  peak: number
  rss: number
  /** In the folder of uploads. */
  files: number
  /** Toy pictures of which something was read, and the chunks that were. */
  pictures: number
  chunks: number
}

export interface MeasuredGateway extends AsyncDisposable {
  port: number
  /** The peak is the one since the last measuring. */
  measure(): Promise<Memory>
}

/** A toy gateway in a process of its own. */
export async function forkGateway(): Promise<MeasuredGateway> {
  const server = fork(new URL('memory-server.ts', import.meta.url), { stdio: 'inherit' })
  const [{ port }] = (await once(server, 'message')) as [{ port: number }]
  return {
    port,
    async measure() {
      server.send('measure')
      const [memory] = (await once(server, 'message')) as [Memory]
      return memory
    },
    async [Symbol.asyncDispose]() {
      server.send('stop')
      await once(server, 'exit')
    },
  }
}
