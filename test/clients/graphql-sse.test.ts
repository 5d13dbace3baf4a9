import { type Client, createClient, NetworkError } from 'graphql-sse'
import { unwrap } from './answer.ts'
import { type UsageData, usageDocument, usagePeriod } from './documents.ts'
import { plainUpload } from './plain-upload.ts'
import { resumedImages } from './resumed-images.ts'
import { type Connect, tellStory } from './story.ts'

async function readUsage(client: Client) {
  const results = client.iterate<UsageData>({ query: usageDocument, variables: usagePeriod })
  for await (const result of results) return unwrap(result as { data: UsageData }).usage
  throw new Error('The stream ended without a result')
}

function connector(mode: object): Connect {
  return (easel, headers) => {
    const options = { url: `${easel}/graphql/stream`, headers: () => ({ ...headers }), ...mode }
    const events = createClient(options)
    // A refused key is a network error for graphql-sse: with its five attempts it shows after half a minute.
    const impatient = createClient({ ...options, retryAttempts: 0 })
    return {
      edit: plainUpload(easel, headers),
      follow: resumedImages(events),
      usage: () => readUsage(impatient),
      // Nobody can read what the refusal says: with a single connection the client drops its body at once.
      codeOf: (error) =>
        error instanceof NetworkError && (error.response as Response).status === 401 && 'UNAUTHENTICATED',
      close() {
        events.dispose()
        impatient.dispose()
      },
    }
  }
}

tellStory({
  'graphql-sse with distinct connections': connector({}),
  'graphql-sse with a single connection': connector({ singleConnection: true }),
})
