import { Agent, request as call, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from './listen.ts'
import { tellOwnFigures } from './own-figures.ts'
import type { TargetOptions } from './target.ts'

/* The least that a process of Node can do between a client and a provider: it pipes both ways. */

const { providerUrl } = JSON.parse(process.argv[2] ?? '') as TargetOptions
const agent = new Agent({ keepAlive: true })

function pipe(request: IncomingMessage, response: ServerResponse): void {
  const { host: _host, connection: _connection, ...headers } = request.headers
  const upstream = call(new URL(request.url ?? '', providerUrl), { agent, method: request.method, headers })
  upstream.once('response', (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers)
    reply.pipe(response)
  })
  upstream.once('error', () => response.destroy())
  request.pipe(upstream)
}

tellOwnFigures(await listen(createServer(pipe)))
