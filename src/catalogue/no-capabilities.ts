import type { Capabilities } from './image-model.ts'

/** A model that takes nothing but `n`: a definition says what its own takes beside that. */
export const noCapabilities: Readonly<Capabilities> = {
  prompt: null,
  messages: null,
  images: null,
  mask: null,
  n: { max: 10 },
  size: null,
  autoSize: false,
  quality: null,
  autoQuality: false,
  background: null,
  inputFidelity: null,
  outputFormat: null,
  outputCompression: null,
  responseFormat: null,
  streaming: null,
  seed: null,
  aspectRatio: null,
  mimeType: null,
  endUser: false,
}
