import { labelOfName } from './format.ts'

/** Labels of parameters whose name alone is unclear. */
const labels: Record<string, string> = {
  n: 'Images',
  outputCompression: 'Compression',
  outputFormat: 'Format',
  mimeType: 'Format',
  responseFormat: 'Handed over as',
  inputFidelity: 'Fidelity to the input',
  messages: 'Prompt in parts',
}

/** The label of a parameter; a new parameter has its name as the label. */
export function labelOfParameter(name: string): string {
  return labels[name] ?? labelOfName(name)
}
