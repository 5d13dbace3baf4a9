/** The parameters of the three mutations, by the names of their input fields, in the order a form shows them. */
export const parameterNames = [
  'image',
  'mask',
  'prompt',
  'messages',
  'model',
  'n',
  'size',
  'quality',
  'background',
  'inputFidelity',
  'outputFormat',
  'outputCompression',
  'responseFormat',
  'mimeType',
  'partialImages',
  'stream',
  'seed',
  'aspectRatio',
  'user',
] as const

export type ParameterName = (typeof parameterNames)[number]
