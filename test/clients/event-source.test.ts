import { EventSource } from 'eventsource'
import { type ImageEvent, imagesDocument, type UsageReport, usageDocument, usagePeriod } from './documents.ts'
import { plainUpload } from './plain-upload.ts'
import { watch } from './snippets/event-source.ts'
import { iterate, type StoryClient, tellStory } from './story.ts'

function storyClient(easel: string, headers: Record<string, string>): StoryClient {
  // What a browser's own EventSource cannot: send a header.
  const fetchWithKey = (url: string | URL, init: { headers: Record<string, string> }) =>
    fetch(url, { ...init, headers: { ...init.headers, ...headers } })
  const connect = (search: string) =>
    new EventSource(`${easel}/graphql/stream${search}`, { fetch: fetchWithKey as never })

  return {
    edit: plainUpload(easel, headers),
    follow: (id, after) =>
      iterate<ImageEvent>(({ next, complete }) => {
        const connectHere = (search: string) => {
          const source = connect(search)
          source.addEventListener('complete', complete)
          return source as globalThis.EventSource
        }
        return watch(connectHere, { query: imagesDocument, id, after }, next)
      }),
    usage: () =>
      new Promise<UsageReport>((resolve, reject) => {
        const variables = JSON.stringify(usagePeriod)
        const source = connect(`?${new URLSearchParams({ query: usageDocument, variables })}`)
        source.addEventListener('next', ({ data }) => resolve(JSON.parse(data).data.usage))
        source.addEventListener('complete', () => source.close())
        source.addEventListener('error', reject)
      }),
    codeOf: (error) => (error as { code?: number }).code === 401 && 'UNAUTHENTICATED',
  }
}

tellStory({ EventSource: storyClient })
