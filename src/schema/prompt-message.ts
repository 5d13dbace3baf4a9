import type { PromptMessage as Message } from '../catalogue/prompt-rules.ts'
import { builder } from './builder.ts'

export const PromptMessageInput = builder.inputType('PromptMessageInput', {
  description: 'One part of a prompt.',
  fields: (t) => ({
    text: t.string({ required: true, description: 'What it says.' }),
    weight: t.float({ description: 'Its weight among the parts. Yandex documents it as not supported yet.' }),
  }),
})

export const PromptMessage = builder.objectRef<Message>('PromptMessage').implement({
  description: 'One part of a prompt.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'What it says.' }),
    weight: t.exposeFloat('weight', { nullable: true, description: 'How much it counts.' }),
  }),
})
