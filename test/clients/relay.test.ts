import type { GraphQLResponse, RequestParameters, Variables } from 'relay-runtime'
import { type Answer, codeOf, unwrap } from './answer.ts'
import {
  type EditData,
  editDocument,
  editVariables,
  type ImagesData,
  imagesDocument,
  photoPath,
  type UsageData,
  usageDocument,
  usagePeriod,
} from './documents.ts'
import { createRelayNetwork } from './snippets/relay.ts'
import { iterate, type StoryClient, tellStory } from './story.ts'

/** What Relay's compiler makes of a document. */
function requestOf(operationKind: 'mutation' | 'query' | 'subscription', text: string): RequestParameters {
  return { id: null, cacheID: text, metadata: {}, name: text, operationKind, text } as RequestParameters
}

function storyClient(network: ReturnType<typeof createRelayNetwork>): StoryClient {
  const send = async <Data>(
    request: RequestParameters,
    variables: Variables,
    files?: Record<string, Blob>,
  ) => {
    const response = await network.execute(request, variables, {}, files ?? null).toPromise()
    return unwrap(response as Answer<Data>)
  }
  return {
    async edit(input, photo) {
      const files = { [photoPath]: photo }
      const request = requestOf('mutation', editDocument)
      return (await send<EditData>(request, editVariables(input, null), files)).editImage
    },
    async *follow(id, after) {
      const responses = iterate<GraphQLResponse>(({ next, error, complete }) => {
        const responses = network.execute(requestOf('subscription', imagesDocument), { id, after }, {})
        return responses.subscribe({ next, error, complete }).unsubscribe
      })
      for await (const response of responses) {
        yield unwrap(response as Answer<ImagesData>).partialImages
      }
    },
    usage: async () => (await send<UsageData>(requestOf('query', usageDocument), usagePeriod)).usage,
    codeOf,
  }
}

tellStory({
  'the network layer of Relay': (easel, headers) => storyClient(createRelayNetwork(easel, headers)),
})
