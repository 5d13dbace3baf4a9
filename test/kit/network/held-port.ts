import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

/** A port that is taken at once, and that a server takes over with `listen(holder)`: nobody else can get it in between. */
export interface HeldPort {
  port: number
  holder: Server
  /** Where no server has taken it over. */
  letGo(): void
}

export async function holdPort(): Promise<HeldPort> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  return { port, holder, letGo: () => void holder.close() }
}
