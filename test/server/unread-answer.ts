import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Sends a document as that user, and reads nothing of what comes. */
export async function askUnread(
  port: number,
  query: string,
  { accept = '*/*', user = 'ann' } = {},
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.pause()
  await once(socket, 'connect')
  const body = JSON.stringify({ query })
  const head = [
    'POST /graphql HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${user}`,
    `Accept: ${accept}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  return socket
}
