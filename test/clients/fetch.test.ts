import { type Answer, AnswerError, codeOf, unwrap } from './answer.ts'
import { type ImagesData, imagesDocument, type UsageData, usageDocument, usagePeriod } from './documents.ts'
import { plainUpload } from './plain-upload.ts'
import { readResults } from './snippets/event-stream.ts'
import { type StoryClient, tellStory } from './story.ts'

function storyClient(easel: string, headers: Record<string, string>): StoryClient {
  async function post(path: string, accept: string, body: object): Promise<Response> {
    const response = await fetch(`${easel}${path}`, {
      method: 'POST',
      headers: { ...headers, accept, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new AnswerError((await response.json()) as Answer<never>)
    return response
  }

  return {
    edit: plainUpload(easel, headers),
    async *follow(id, after) {
      let last = after
      for (;;) {
        const request = { query: imagesDocument, variables: { id, after: last } }
        const { body } = await post('/graphql/stream', 'text/event-stream', request)
        try {
          for await (const result of readResults<Answer<ImagesData>>(body as ReadableStream<Uint8Array>)) {
            const { partialImages } = unwrap(result)
            last = partialImages.sequence
            yield partialImages
          }
          return
        } catch (error) {
          if (error instanceof AnswerError) throw error
        }
      }
    },
    async usage() {
      const request = { query: usageDocument, variables: usagePeriod }
      const response = await post('/graphql', 'application/graphql-response+json', request)
      return unwrap((await response.json()) as Answer<UsageData>).usage
    },
    codeOf,
  }
}

tellStory({ fetch: storyClient })
