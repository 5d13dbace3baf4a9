import type { Client, Sink } from 'graphql-sse'
import { type Answer, unwrap } from './answer.ts'
import { type ImagesData, imagesDocument } from './documents.ts'
import { follow } from './snippets/graphql-sse.ts'
import { iterate, type StoryClient } from './story.ts'

/** Follows an operation with graphql-sse. */
export function resumedImages(events: Client): StoryClient['follow'] {
  return async function* (id, after) {
    const request = { query: imagesDocument, variables: { id, after } }
    const results = iterate<Answer<ImagesData>>((sink) => follow(events, request, sink as Sink))
    for await (const result of results) yield unwrap(result).partialImages
  }
}
