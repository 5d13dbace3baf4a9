import { smallestSize } from '../kit/photo.ts'

/** What every client of the story sends, and what it gets. */
const operationFields = `
  id status done
  error { reason message }
  response { data { id url mimeType width height } usage { totalTokens } }`

export const editDocument = `
mutation Edit($input: EditImageInput!) { editImage(input: $input) { ${operationFields} } }`

export const imagesDocument = `
subscription Images($id: ID!, $after: Int) {
  partialImages(operationId: $id, after: $after) {
    __typename sequence type operationId
    ... on PartialImageEvent { partialImageIndex image { id } }
    ... on ImageCompletedEvent { image { id } usage { totalTokens } }
    ... on ImageFailedEvent { error { reason } }
  }
}`

export const usageDocument = `
query Usage($from: DateTime!, $to: DateTime!) {
  usage(from: $from, to: $to, groupBy: [KIND]) { total { operations images totalTokens } rows { kind totalTokens } }
}`

export const usagePeriod = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' }

export interface EditInput {
  prompt: string
  quality: 'LOW'
  stream?: boolean
  partialImages?: number
}

export interface EditedOperation {
  id: string
  status: string
  done: boolean
  error: { reason: string } | null
  response: { data: { id: string; url: string }[]; usage: { totalTokens: number } } | null
}

export interface ImageEvent {
  __typename: string
  sequence: number
  type: string
  operationId: string
  image?: { id: string }
}

export interface UsageReport {
  total: { operations: number; images: number; totalTokens: string }
  rows: { kind: string; totalTokens: string }[]
}

export interface EditData {
  editImage: EditedOperation
}

export interface ImagesData {
  partialImages: ImageEvent
}

export interface UsageData {
  usage: UsageReport
}

/** The variables of the edit with the photo in its place, as clients take it that send files by themselves. */
export function editVariables(input: EditInput, photo: Blob | null) {
  return { input: { size: smallestSize, ...input, image: [{ upload: photo }] } }
}

/** Where the photo is in the variables. */
export const photoPath = 'input.image.0.upload'
