import { type ApolloClient, CombinedGraphQLErrors, gql } from '@apollo/client'
import { afterAll, expect, vi } from 'vitest'
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
import { createApolloClient } from './snippets/apollo-client.ts'
import { iterate, type StoryClient, tellStory } from './story.ts'

const warn = vi.spyOn(console, 'warn')
const complain = vi.spyOn(console, 'error')

function unwrap<Data>({ data, error }: { data?: Data; error?: unknown }): Data {
  if (error || !data) throw error ?? new Error('There is neither data nor an error')
  return data
}

function storyClient(client: ApolloClient): StoryClient {
  return {
    async edit(input, photo) {
      const variables = editVariables(input, photo)
      return unwrap(await client.mutate<EditData>({ mutation: gql(editDocument), variables })).editImage
    },
    follow: (id, after) =>
      iterate<ImageEvent>((observer) => {
        const images = client.subscribe<ImagesData>({
          query: gql(imagesDocument),
          variables: { id, after },
          // An event is no entity: the cache would merge each into the one before, and warn that it loses data.
          fetchPolicy: 'no-cache',
        })
        const subscription = images.subscribe({
          next: (result) => observer.next(unwrap(result).partialImages),
          error: (error) => observer.error(error),
          complete: () => observer.complete(),
        })
        return () => subscription.unsubscribe()
      }),
    async usage() {
      return unwrap(await client.query<UsageData>({ query: gql(usageDocument), variables: usagePeriod }))
        .usage
    },
    codeOf: (error) => error instanceof CombinedGraphQLErrors && error.errors[0]?.extensions?.code,
    close: () => client.stop(),
  }
}

tellStory({ 'Apollo Client': (easel, headers) => storyClient(createApolloClient(easel, headers)) })

afterAll(() => {
  expect([...warn.mock.calls, ...complain.mock.calls]).toEqual([])
})
