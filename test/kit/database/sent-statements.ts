import type { PGlite } from '@electric-sql/pglite'

/** One message of PostgreSQL's protocol, with its first byte and its length. */
type Message = Uint8Array

/** What asks a database to do something: one statement with its values, or several without. */
export interface Sent {
  sql: string
  /** The same request about another statement, which takes the same values. */
  withSql(sql: string): Uint8Array
}

type Execute = PGlite['execProtocolRawStream']

/** Calls `before` with each statement before it is run. */
export function interceptStatements(pglite: PGlite, before: (sent: Sent) => Promise<void> | void): void {
  const execute: Execute = pglite.execProtocolRawStream.bind(pglite)
  pglite.execProtocolRawStream = async (request, options) => {
    const sent = readSent(request)
    if (sent) await before(sent)
    return execute(request, options)
  }
}

function readSent(request: Uint8Array): Sent | null {
  const [first, ...others] = splitMessages(request)
  if (!first) return null
  const type = String.fromCharCode(first[0] ?? 0)
  if (type === 'Q') return { sql: readText(first, 5), withSql: (sql) => writeMessage('Q', `${sql}\0`) }
  if (type !== 'P') return null
  const name = readText(first, 5)
  return {
    sql: readText(first, 5 + Buffer.byteLength(name) + 1),
    // No types of parameters are given: PostgreSQL infers them.
    withSql: (sql) => Buffer.concat([writeMessage('P', `${name}\0${sql}\0\0\0`), ...others]),
  }
}

function splitMessages(bytes: Uint8Array): Message[] {
  // A connection begins with a message that has no type.
  if (bytes[0] === 0) return []
  const messages: Message[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(at + 1)
    messages.push(bytes.subarray(at, end))
    at = end
  }
  return messages
}

const readText = (message: Message, from: number): string =>
  Buffer.from(message.subarray(from, message.indexOf(0, from))).toString()

function writeMessage(type: string, content: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(content) + 4)
  return Buffer.concat([Buffer.from(type), length, Buffer.from(content)])
}
