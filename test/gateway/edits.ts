import type { GraphqlClient } from '../kit/client/graphql-client.ts'
import { bearer } from '../kit/gateway/accounts.ts'
import { photoFile, smallestSize } from '../kit/photo.ts'

export interface Edited {
  id: string
  status: string
  createdBy: { id: string; name: string }
  input: { images: { id: string }[] }
  response: { data: { id: string; url: string }[]; usage: { totalTokens: number } }
}

export const editDocument = `mutation ($input: EditImageInput!) { editImage(input: $input) {
  id status createdBy { id name } input { images { id } }
  response { data { id url } usage { totalTokens estimated cost { amountMicros } } } } }`

export async function editAs(gateway: GraphqlClient, { key }: { key: string }, input: object = {}) {
  return gateway.upload<{ editImage: Edited }>(
    editDocument,
    { input: { prompt: 'x', image: [{ upload: null }], quality: 'LOW', size: smallestSize, ...input } },
    { 'input.image.0.upload': await photoFile() },
    bearer(key),
  )
}
