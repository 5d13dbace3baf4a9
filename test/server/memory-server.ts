import { openToyGateway } from './toy-gateway.ts'
import { read } from './toy-picture.ts'

/** A gateway in a process of its own, which tells its highest memory use when it is asked. */
const toy = await openToyGateway()
let peak = 0
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss())
}, 10)

process.on('message', async (message) => {
  if (message === 'stop') {
    await toy[Symbol.asyncDispose]()
    process.disconnect()
    process.exit(0)
  }
  process.send?.({ peak, rss: process.memoryUsage.rss(), files: (await toy.files()).length, ...read })
  peak = process.memoryUsage.rss()
})
process.send?.({ port: toy.port })
