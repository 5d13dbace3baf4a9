import type { Readable } from 'node:stream'

const files = new WeakMap<ReadableStream, Readable>()

/** The body of a response over a stream of Node's. Nothing is read of it until somebody does. */
export function toFileBody(file: Readable): ReadableStream<Uint8Array> {
  // A client that disconnects destroys the stream with an error that has no other listener.
  file.on('error', () => {})
  const chunks = file.iterator()
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => void file.destroy(),
    },
    { highWaterMark: 0 },
  )
  files.set(body, file)
  return body
}

/** The stream that a body was made of, if it was: a server sends it without the promises of a web stream. */
export function fileOf(body: ReadableStream): Readable | undefined {
  return files.get(body)
}
