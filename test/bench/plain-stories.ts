import { multipart } from '../kit/client/graphql-client.ts'
import { readImage, readImages } from './base64-answer.ts'
import { pngBlob, writeFormRequest, writeJsonRequest } from './form-request.ts'
import { asked, askedPartials, type Stories } from './story.ts'

/* A client of the plain server. */

const field = 'b64Json'
const asking = 'prompt: $prompt, model: $model, size: $size'
const variables = '$prompt: String!, $model: String!, $size: String!'

function writeEdit(document: string, picture: Buffer) {
  const form = multipart(document, { ...asked, image: null }, { image: pngBlob(picture) })
  return writeFormRequest('/graphql', form)
}

export const plainStories: Stories = {
  generation: async () => {
    const query = `mutation (${variables}) { generateImage(${asking}) { ${field} } }`
    const request = writeJsonRequest('/graphql', { query, variables: asked })
    return async (client) => readImage(await client.send(request), field)
  },
  edit: async (picture) => {
    const document = `mutation ($image: File!, ${variables}) { editImage(image: $image, ${asking}) { ${field} } }`
    const request = await writeEdit(document, picture)
    return async (client) => readImage(await client.send(request), field)
  },
  'streamed edit': async (picture) => {
    const document = `subscription ($image: File!, ${variables}) {
      editImage(image: $image, ${asking}, partialImages: ${askedPartials}) { ${field} } }`
    const request = await writeEdit(document, picture)
    const headers = { ...request.headers, accept: 'text/event-stream' }
    return (client) => readImages(client.follow({ ...request, headers }), field)
  },
}
