import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'
import OpenAI, { toFile } from 'openai'
import { listen } from './listen.ts'
import { tellOwnFigures } from './own-figures.ts'
import type { TargetOptions } from './target.ts'

/* A server as written in an afternoon: Yoga with its own scalar for files, and OpenAI's SDK. It keeps nothing. */

const { providerUrl } = JSON.parse(process.argv[2] ?? '') as TargetOptions
const openai = new OpenAI({ apiKey: 'sk-bench', baseURL: `${providerUrl}/v1`, maxRetries: 0 })

const typeDefs = `
  scalar File
  type Image { b64Json: String }
  type Query { ok: Boolean }
  type Mutation {
    generateImage(prompt: String!, model: String!, size: String!): [Image!]!
    editImage(image: File!, prompt: String!, model: String!, size: String!): [Image!]!
  }
  type Subscription {
    editImage(image: File!, prompt: String!, model: String!, size: String!, partialImages: Int!): Image!
  }`

interface Asked {
  prompt: string
  model: string
  size: '1024x1024'
}

interface AskedEdit extends Asked {
  image: File
}

interface AskedStream extends AskedEdit {
  partialImages: number
}

const show = (image: { b64_json?: string | undefined }) => ({ b64Json: image.b64_json })

/** Yoga's files are of a class of its own, which the SDK takes for an object with fields. */
const copy = (file: File) => toFile(file, file.name, { type: file.type })

async function* edit({ partialImages, image, ...asked }: AskedStream) {
  const partial = { stream: true, partial_images: partialImages } as const
  const events = await openai.images.edit({ ...asked, ...partial, image: await copy(image) })
  for await (const event of events) yield { editImage: show(event) }
}

const resolvers = {
  Mutation: {
    generateImage: async (_: unknown, asked: Asked) => (await openai.images.generate(asked)).data?.map(show),
    editImage: async (_: unknown, { image, ...asked }: AskedEdit) =>
      (await openai.images.edit({ ...asked, image: await copy(image) })).data?.map(show),
  },
  Subscription: {
    editImage: { subscribe: (_: unknown, asked: AskedStream) => edit(asked) },
  },
}

const schema = createSchema({ typeDefs, resolvers })
const yoga = createYoga({ schema, multipart: true, logging: false, graphiql: false })
tellOwnFigures(await listen(createServer(yoga)))
