const newline = 10
const boundary = '\n\n'

/** Splits a stream of events at its empty lines, without looking at a byte twice. */
export async function* splitEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = []
  let endsWithNewline = false
  for await (const chunk of chunks) {
    let from = 0
    if (endsWithNewline && chunk[0] === newline) {
      yield Buffer.concat(pending)
      pending = []
      from = 1
    }
    for (let at = chunk.indexOf(boundary, from); at >= 0; at = chunk.indexOf(boundary, from)) {
      yield Buffer.concat([...pending, chunk.subarray(from, at)])
      pending = []
      from = at + boundary.length
    }
    pending.push(chunk.subarray(from))
    endsWithNewline = chunk.length > from && chunk.at(-1) === newline
  }
}
