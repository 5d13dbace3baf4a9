/** The results on an event stream. Throws if it was cut: then ask again, with the last sequence as `after`. */
export async function* readResults<Result>(stream: ReadableStream<Uint8Array>): AsyncGenerator<Result> {
  let rest = ''
  for await (const text of stream.pipeThrough(new TextDecoderStream() as never) as ReadableStream<string>) {
    const messages = (rest + text).split('\n\n')
    rest = messages.pop() ?? ''
    for (const message of messages) {
      if (message.startsWith('event: complete')) return
      if (message.startsWith('event: next')) yield JSON.parse(message.slice('event: next\ndata: '.length))
    }
  }
  throw new Error('The connection was cut')
}
