import { connect, type Socket } from 'node:net'

/** Sends bytes as they are, and collects what comes until the server closes the connection. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A connection that is reset ends like one that is closed.
  socket.on('error', () => {})
  socket.write(text, 'latin1')
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString('latin1')
}

/** Begins a request and leaves it open. */
export async function openRequest(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  await new Promise((resolve) => socket.write(text, 'latin1', resolve))
  return socket
}
