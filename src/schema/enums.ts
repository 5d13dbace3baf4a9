import type {
  backgrounds,
  fidelities,
  formats,
  moderations,
  qualities,
  responseFormats,
} from '../catalogue/choices.ts'
import type { OperationKind as Kind } from '../catalogue/operation-kind.ts'
import { builder } from './builder.ts'

type Described<Values extends readonly string[]> = Record<Values[number], { description: string }>

export const OperationKind = builder.enumType('OperationKind', {
  description: 'What an operation does.',
  values: {
    GENERATE: { description: 'Makes images from a prompt.' },
    EDIT: { description: 'Edits or extends given images by a prompt.' },
    VARIATION: { description: 'Makes variations of a given image.' },
  } as const satisfies Record<Kind, { description: string }>,
})

export const OperationStatus = builder.enumType('OperationStatus', {
  description: 'Where an operation stands. The last three are final.',
  values: {
    QUEUED: { description: 'Accepted. It will run even if the client disconnects or the server restarts.' },
    RUNNING: { description: 'It is being carried out; `metadata.stage` shows which step.' },
    SUCCEEDED: { description: 'There is a `response` with at least one image.' },
    FAILED: { description: 'There is an `error`; nothing was charged.' },
    CANCELLED: { description: 'It was cancelled before it had a result; nothing was charged.' },
  } as const,
})

export const ImageBackground = builder.enumType('ImageBackground', {
  description: 'The background of a generated image.',
  values: {
    AUTO: { description: 'The model chooses.' },
    OPAQUE: { description: 'A filled background.' },
    TRANSPARENT: { description: 'No background: needs the format PNG or WEBP.' },
  } as const satisfies Described<typeof backgrounds>,
})

export const ImageQuality = builder.enumType('ImageQuality', {
  description: 'How much effort goes into an image. Which values there are depends on the model.',
  values: {
    AUTO: { description: 'The model chooses.' },
    LOW: { description: 'Fast and cheap.' },
    MEDIUM: { description: 'In between.' },
    HIGH: { description: 'Slow and expensive.' },
    STANDARD: { description: 'The normal quality of the dall-e models.' },
    HD: { description: 'The finer quality of dall-e-3.' },
    XHIGH: { description: 'Above HIGH, for the models that list it.' },
    MAX: { description: 'The highest quality of a model, for the models that list it.' },
  } as const satisfies Described<typeof qualities>,
})

export const ImageFormat = builder.enumType('ImageFormat', {
  description: 'A file format.',
  values: {
    PNG: { description: 'Lossless, with transparency.' },
    JPEG: { description: 'Small, without transparency.' },
    WEBP: { description: 'Small, with transparency.' },
  } as const satisfies Described<typeof formats>,
})

export const InputFidelity = builder.enumType('InputFidelity', {
  description: 'How closely an edit keeps to the input images, especially to faces.',
  values: {
    LOW: { description: 'Loosely.' },
    HIGH: { description: 'Closely, for several thousand more input tokens per image.' },
  } as const satisfies Described<typeof fidelities>,
})

export const Moderation = builder.enumType('Moderation', {
  description: "How strictly the provider checks an image's content. Its own rules always hold.",
  values: {
    AUTO: { description: "The provider's usual strictness." },
    LOW: { description: 'Less strict.' },
  } as const satisfies Described<typeof moderations>,
})

export const ResponseFormat = builder.enumType('ResponseFormat', {
  description:
    'How the provider hands its images to Easel, for the models that let one choose. You get an `Image` either way.',
  values: {
    URL: { description: 'As a temporary address, which Easel fetches at once.' },
    B64_JSON: { description: 'Inside the reply.' },
  } as const satisfies Described<typeof responseFormats>,
})

export const Role = builder.enumType('Role', {
  description: 'What a user may do.',
  values: {
    MEMBER: { description: 'Use the models; see its own operations, images and usage.' },
    ADMIN: { description: 'See and manage all users and everything of theirs.' },
  } as const,
})
