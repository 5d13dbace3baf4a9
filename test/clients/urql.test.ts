import { type Client, CombinedError, type OperationResult } from '@urql/core'
import {
  type EditData,
  editDocument,
  editVariables,
  type ImageEvent,
  type ImagesData,
  imagesDocument,
  type UsageData,
  usageDocument,
  usagePeriod,
} from './documents.ts'
import { createUrqlClient } from './snippets/urql.ts'
import { createPlainUrqlClient } from './snippets/urql-alone.ts'
import { iterate, type StoryClient, tellStory } from './story.ts'

type Follow = StoryClient['follow']

function unwrap<Data>({ data, error }: OperationResult<Data>): Data {
  if (error || !data) throw error ?? new Error('There is neither data nor an error')
  return data
}

/** urql tells the end of a subscription by its last result once more, with `hasNext: false`. */
function followOnce(client: Client): Follow {
  return (id, after) =>
    iterate<ImageEvent>((observer) => {
      const source = client.subscription<ImagesData>(imagesDocument, { id, after })
      return source.subscribe((result) => {
        if (result.error) observer.error(result.error)
        else if (result.hasNext) observer.next(unwrap(result).partialImages)
        else observer.complete()
      }).unsubscribe
    })
}

function followAgain(client: Client): Follow {
  return async function* (id, after) {
    let last = after
    for (;;) {
      try {
        for await (const event of followOnce(client)(id, last)) {
          last = event.sequence
          yield event
        }
        return
      } catch (error) {
        if (!(error instanceof CombinedError && error.networkError)) throw error
      }
    }
  }
}

function storyClient(client: Client, follow: Follow): StoryClient {
  return {
    follow,
    async edit(input, photo) {
      const result = await client.mutation<EditData>(editDocument, editVariables(input, photo)).toPromise()
      return unwrap(result).editImage
    },
    async usage() {
      const result = await client.query<UsageData>(usageDocument, usagePeriod).toPromise()
      return unwrap(result).usage
    },
    codeOf: (error) => error instanceof CombinedError && error.graphQLErrors[0]?.extensions.code,
  }
}

tellStory({
  'urql with graphql-sse'(easel, headers) {
    const client = createUrqlClient(easel, headers)
    return storyClient(client, followOnce(client))
  },
  'urql alone'(easel, headers) {
    const client = createPlainUrqlClient(easel, headers)
    return storyClient(client, followAgain(client))
  },
})
