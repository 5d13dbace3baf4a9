import { readImage, readImages } from './base64-answer.ts'
import { pngBlob, writeFormRequest, writeJsonRequest } from './form-request.ts'
import { asked, askedPartials, type Stories } from './story.ts'

/* A client of the provider itself, which does not notice a pipe in between. */

const field = 'b64_json'

function writeEdit(picture: Buffer, more: Record<string, string> = {}) {
  const form = new FormData()
  for (const [name, value] of Object.entries({ ...asked, ...more })) form.set(name, value)
  form.set('image', pngBlob(picture), 'picture.png')
  return writeFormRequest('/v1/images/edits', form)
}

export const openaiStories: Stories = {
  generation: async () => {
    const request = writeJsonRequest('/v1/images/generations', asked)
    return async (client) => readImage(await client.send(request), field)
  },
  edit: async (picture) => {
    const request = await writeEdit(picture)
    return async (client) => readImage(await client.send(request), field)
  },
  'streamed edit': async (picture) => {
    const request = await writeEdit(picture, { stream: 'true', partial_images: `${askedPartials}` })
    return (client) => readImages(client.follow(request), field)
  },
}
