/** The chunks that were read already, then the rest of the stream. */
export async function* prepend(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* head
    for (;;) {
      const { done, value } = await rest.next()
      if (done) return
      yield value
    }
  } finally {
    await rest.return?.()
  }
}

/** What is left of chunks without their first bytes. */
export function dropStart(chunks: readonly Uint8Array[], byteLength: number): Uint8Array[] {
  let left = byteLength
  return chunks.flatMap((chunk) => {
    const rest = chunk.subarray(Math.min(left, chunk.length))
    left -= chunk.length - rest.length
    return rest.length > 0 ? [rest] : []
  })
}

/** The first bytes, and no more than about `maxBytes` of them. The rest is not read. */
export async function readBeginning(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= maxBytes) break
  }
  return Buffer.concat(chunks)
}
