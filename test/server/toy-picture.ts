import { Readable } from 'node:stream'
import { type Base64Image, toBase64Image } from '../../src/images/base64.ts'

const chunk = Buffer.alloc(256 * 1024, 'x')
const chunksOfMegabyte = 4

/** How many pictures were opened, and how much was read of all of them. */
export const read = { pictures: 0, chunks: 0 }

export const bytesOf = (megabytes: number) => megabytes * chunksOfMegabyte * chunk.length

/** A picture of so many megabytes that takes no room itself. One that breaks does so after its first chunk. */
export function openPicture(
  megabytes: number,
  { breaks }: { breaks?: boolean | undefined } = {},
): Base64Image {
  return toBase64Image(bytesOf(megabytes), async () => {
    read.pictures += 1
    return Readable.from(readChunks(megabytes * chunksOfMegabyte, breaks ?? false), { highWaterMark: 1 })
  })
}

function* readChunks(count: number, breaks: boolean) {
  for (let i = 0; i < count; i += 1) {
    if (breaks && i > 0) throw new Error('the file ends here')
    read.chunks += 1
    yield chunk
  }
}
