import { z } from 'zod'
import { type KeptFailure, keptFailure } from './kept-failure.ts'
import { readKept } from './kept-json.ts'

export interface ImageFailure {
  /** The place of the image among the `n` images, from 0. */
  index: number
  failure: KeptFailure
}

const text = z.string().nullable().default(null)

/** What the provider says of an image; null where it says nothing. */
export const keptFacts = z.object({ size: text, background: text, quality: text, outputFormat: text })

export type EventFacts = z.output<typeof keptFacts>

/** What `Operation.response` shows beside the images and the usage. */
export interface KeptResponse extends EventFacts {
  /** Unix seconds; 0 where the provider does not say. */
  created: number
  modelVersion: string | null
  failures: ImageFailure[]
}

const keptResponse: z.ZodType<KeptResponse> = keptFacts.extend({
  created: z.number().default(0),
  modelVersion: text,
  failures: z.array(z.object({ index: z.number(), failure: keptFailure })).default([]),
})

/** The response of an operation that succeeded. */
export function readResponse({ id, response }: { id: string; response: unknown }): KeptResponse {
  return readKept(keptResponse, response, { column: 'operation.response', row: id })
}
