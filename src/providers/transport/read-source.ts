import type { SourceImage } from '../../catalogue/image-request.ts'

/** Throws if the source has another length, so that the body breaks off instead of arriving garbled. */
export async function* readSource(image: SourceImage): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of await image.open()) {
    bytes += chunk.length
    yield chunk as Buffer
  }
  if (bytes !== image.byteSize) throw new Error('A source image does not have the length it was kept with')
}
