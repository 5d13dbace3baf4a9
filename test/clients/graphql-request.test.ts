import { ClientError } from 'graphql-request'
import { createClient } from 'graphql-sse'
import { type UsageData, usageDocument, usagePeriod } from './documents.ts'
import { plainUpload } from './plain-upload.ts'
import { resumedImages } from './resumed-images.ts'
import { createRequestClient } from './snippets/graphql-request.ts'
import { type StoryClient, tellStory } from './story.ts'

function storyClient(easel: string, headers: Record<string, string>): StoryClient {
  const client = createRequestClient(easel, headers)
  const events = createClient({ url: `${easel}/graphql/stream`, headers: () => ({ ...headers }) })
  return {
    edit: plainUpload(easel, headers),
    follow: resumedImages(events),
    usage: async () => (await client.request<UsageData>(usageDocument, usagePeriod)).usage,
    codeOf: (error) => error instanceof ClientError && error.response.errors?.[0]?.extensions.code,
    close: () => events.dispose(),
  }
}

tellStory({ 'graphql-request, with fetch for files and graphql-sse for events': storyClient })
