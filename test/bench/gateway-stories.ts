import { multipart } from '../kit/client/graphql-client.ts'
import type { Client } from './client.ts'
import { pngBlob, writeFormRequest, writeJsonRequest } from './form-request.ts'
import { asked, askedPartials, type Received, type Stories } from './story.ts'

/* A client of the gateway: it asks, follows where it does not wait, and fetches each image as soon as it has its address. */

interface Image {
  url: string
}

interface Operation {
  id: string
  response: { data: Image[] } | null
}

interface ImageEvent {
  image?: Image
}

const imageEvents = `subscription ($id: ID!) { partialImages(operationId: $id) {
  ... on PartialImageEvent { image { url } }
  ... on ImageCompletedEvent { image { url } } } }`

function readData<Data>(json: string): Data {
  const { data, errors } = JSON.parse(json) as { data: Data; errors?: unknown }
  if (errors) throw new Error(JSON.stringify(errors))
  return data
}

async function fetchImage(client: Client, { url }: Image): Promise<{ bytes: Buffer; at: number }> {
  const { pathname, search } = new URL(url)
  const bytes = await client.send({ method: 'GET', path: pathname + search, headers: {} })
  return { bytes, at: performance.now() }
}

async function follow(client: Client, id: string): Promise<Received> {
  const request = writeJsonRequest('/graphql', { query: imageEvents, variables: { id } })
  const headers = { ...request.headers, accept: 'text/event-stream' }
  const fetching: ReturnType<typeof fetchImage>[] = []
  for await (const event of client.follow({ ...request, headers })) {
    const image = readEvent(event)
    if (image) fetching.push(fetchImage(client, image))
  }
  const partials = await Promise.all(fetching)
  const last = partials.pop()
  if (!last) throw new Error('No image came')
  return {
    image: last.bytes,
    partials: partials.map(({ bytes }) => bytes),
    firstPartialAt: partials[0]?.at ?? null,
  }
}

function readEvent(event: Buffer): Image | null {
  const json = /^event: next\ndata: (.*)$/m.exec(event.toString())?.[1]
  if (!json) return null
  const { image } = readData<{ partialImages: ImageEvent }>(json).partialImages
  if (!image) throw new Error(`The operation failed: ${json}`)
  return image
}

function writeEdit(picture: Buffer, selection: string, more: object = {}) {
  const document = `mutation ($input: EditImageInput!) { editImage(input: $input) { ${selection} } }`
  const input = { ...asked, ...more, image: [{ upload: null }] }
  return writeFormRequest(
    '/graphql',
    multipart(document, { input }, { 'input.image.0.upload': pngBlob(picture) }),
  )
}

export const gatewayStories: Stories = {
  generation: async () => {
    const query = 'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }'
    const request = writeJsonRequest('/graphql', { query, variables: { input: asked } })
    return async (client) => {
      const answer = readData<{ generateImage: Operation }>((await client.send(request)).toString())
      return follow(client, answer.generateImage.id)
    }
  },
  edit: async (picture) => {
    const request = await writeEdit(picture, 'response { data { url } } error { reason message }')
    return async (client) => {
      const answer = (await client.send(request)).toString()
      const [image] = readData<{ editImage: Operation }>(answer).editImage.response?.data ?? []
      if (!image) throw new Error(`The operation failed: ${answer}`)
      const { bytes } = await fetchImage(client, image)
      return { image: bytes, partials: [], firstPartialAt: null }
    }
  },
  'streamed edit': async (picture) => {
    const request = await writeEdit(picture, 'id', { stream: true, partialImages: askedPartials })
    return async (client) => {
      const answer = readData<{ editImage: Operation }>((await client.send(request)).toString())
      return follow(client, answer.editImage.id)
    }
  },
}
