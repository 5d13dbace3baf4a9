import { labelOfName } from './format.ts'

/** Where the name alone would leave one guessing. */
const labels: Record<string, string> = {
  n: 'Images',
  outputCompression: 'Compression',
  outputFormat: 'Format',
  mimeType: 'Format',
  responseFormat: 'Handed over as',
  inputFidelity: 'Fidelity to the input',
  messages: 'Prompt in parts',
}

/** A parameter's name for people; one that is new is named after itself. */
export function labelOfParameter(name: string): string {
  return labels[name] ?? labelOfName(name)
}
