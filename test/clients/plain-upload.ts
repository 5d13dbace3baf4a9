import { type Answer, unwrap } from './answer.ts'
import {
  type EditData,
  type EditedOperation,
  type EditInput,
  editDocument,
  editVariables,
  photoPath,
} from './documents.ts'
import { multipart } from './snippets/fetch.ts'

/** Sends the edit and its photo with fetch, for clients that send no files. */
export function plainUpload(easel: string, headers: Record<string, string>) {
  return async (input: EditInput, photo: Blob): Promise<EditedOperation> => {
    const body = multipart(editDocument, editVariables(input, null), { [photoPath]: photo })
    const response = await fetch(`${easel}/graphql`, { method: 'POST', headers, body })
    return unwrap((await response.json()) as Answer<EditData>).editImage
  }
}
