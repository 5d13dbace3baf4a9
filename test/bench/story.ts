import type { Client } from './client.ts'

export type Kind = 'generation' | 'edit' | 'streamed edit'

/** What the client has in the end: always the bytes of the images, however a target hands them over. */
export interface Received {
  image: Buffer
  partials: Buffer[]
  /** When the client had the first partial image, as `performance.now()` tells it. */
  firstPartialAt: number | null
}

/** All that a client does for one operation. */
export type Story = (client: Client) => Promise<Received>

/** A picture to edit → the story, whose requests are written once. */
export type Stories = Record<Kind, (picture: Buffer) => Promise<Story>>

export const asked = { prompt: 'a red rose in the picture', model: 'gpt-image-2', size: '1024x1024' } as const
export const askedPartials = 3
