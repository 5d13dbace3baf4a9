import { z } from 'zod'
import { refuseUnsupported, refuseValue } from './parameter-refusal.ts'

export const promptRule = z.strictObject({ maxLength: z.int().min(1) })
export const messagesRule = z.strictObject({ maxCount: z.int().min(1), weights: z.boolean() })

export type PromptRule = z.infer<typeof promptRule>
export type MessagesRule = z.infer<typeof messagesRule>

export interface PromptMessage {
  text: string
  weight: number | null
}

export function checkPrompt(prompt: string, { maxLength }: PromptRule, field: string): void {
  if (prompt.trim() === '')
    throw refuseValue('The prompt is empty.', { field, reason: 'PROMPT_EMPTY', actual: 0 })
  const length = countCodePoints(prompt)
  if (length <= maxLength) return
  throw refuseValue(`The prompt has ${length} characters; this model takes ${maxLength}.`, {
    field,
    reason: 'PROMPT_TOO_LONG',
    allowed: { min: 1, max: maxLength },
    actual: length,
    hint: 'SHORTEN',
  })
}

function countCodePoints(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

export function checkMessages(messages: readonly PromptMessage[], { maxCount, weights }: MessagesRule): void {
  if (messages.length < 1 || messages.length > maxCount) {
    throw refuseValue('Too few or too many messages.', {
      field: 'input.messages',
      reason: 'MESSAGE_COUNT',
      allowed: { min: 1, max: maxCount },
      actual: messages.length,
    })
  }
  const index = messages.findIndex(({ weight }) => weight !== null && weight !== 1 && !weights)
  if (index < 0) return
  throw refuseUnsupported('Weights of messages are documented as currently not supported.', {
    field: `input.messages.${index}.weight`,
    reason: 'PARAMETER_NOT_SUPPORTED',
    allowed: [1],
    actual: messages[index]?.weight,
  })
}

/** It is not documented whether the limit is for each message or for all, so it counts for all. */
export function checkMessageTexts(messages: readonly PromptMessage[], rule: PromptRule): void {
  for (const [index, { text }] of messages.entries()) checkPrompt(text, rule, `input.messages.${index}.text`)
  if (messages.length > 1) checkPrompt(messages.map(({ text }) => text).join(''), rule, 'input.messages')
}
