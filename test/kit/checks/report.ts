import type { PaidCall } from '../upstream/exchange.ts'
import { type OperationStory, writeStory } from './story.ts'

export interface Seen {
  /** How long the case has waited. */
  ms: number
  /** Or why nobody tells them. */
  stories: OperationStory[] | string
  calls: readonly PaidCall[]
  /** What the gateways have logged. */
  output: readonly string[]
}

/** The operations that are told and the lines that are shown: the last ones. */
const maxStories = 8
const maxLines = 25
const maxLineLength = 400

/** What a failed case leaves to whoever has to find out why. */
export function writeReport({ ms, stories, calls, output }: Seen): string {
  const told = typeof stories === 'string' ? [stories] : stories.slice(-maxStories).map(writeStory)
  const asked = calls
    .slice(-maxStories)
    .map(({ prompt, attemptId, paid }) => `  ${attemptId} "${prompt}" paid: ${paid}`)
  return [
    `The case took ${Math.round(ms)} ms.`,
    ...(told.length > 0 ? told : ['It has no operation.']),
    `The provider was asked ${calls.length} times:`,
    ...asked,
    'The last lines of the gateways:',
    ...output.slice(-maxLines).map((line) => `  ${line.slice(0, maxLineLength)}`),
  ].join('\n')
}
