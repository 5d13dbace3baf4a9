import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createImageJsonBody } from '../../src/providers/transport/image-json-body.ts'
import { makeSource } from './call-kit.ts'

const read = async (body: ReturnType<typeof createImageJsonBody>) =>
  Buffer.concat(await Array.fromAsync(body.open()))

test('is the JSON that it says, of the length that it says, however its images are cut into chunks', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 10 }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(fc.array(chunks, { maxLength: 3 }), fc.string(), async (images, prompt) => {
      const named = images.map((parts, index) => {
        const bytes = Buffer.concat(parts)
        const source = makeSource(bytes, {
          open: async () => Readable.from(parts.map((part) => Buffer.from(part))),
        })
        return { name: `image_${index}`, bytes, source }
      })
      const body = createImageJsonBody(
        { prompt },
        named.map(({ name, source }) => [name, source] as const),
      )
      const sent = await read(body)
      expect(sent.length).toBe(body.byteLength)
      expect(JSON.parse(sent.toString())).toEqual({
        prompt,
        ...Object.fromEntries(named.map(({ name, bytes }) => [name, bytes.toString('base64')])),
      })
    }),
  )
})

test('breaks off when an image has another length than it was kept with', async () => {
  const source = makeSource(Buffer.from('abc'), { byteSize: 4 })
  await expect(read(createImageJsonBody({}, [['image', source]]))).rejects.toThrow('length')
})
