import { EaselError } from '../errors.ts'

/** The message of each refusal, and what the caller can do about it. */
const refusals = {
  IMAGE_EMPTY: { message: 'The file is empty.' },
  IMAGE_TYPE_UNSUPPORTED: { message: 'The file is not a PNG, JPEG or WebP image.', hint: 'CONVERT_TO_PNG' },
  IMAGE_ENCODING_UNSUPPORTED: {
    message: 'The image uses a rare encoding that few programs read.',
    hint: 'CONVERT_TO_PNG',
  },
  IMAGE_TRUNCATED: { message: 'The image ends before it is complete.', hint: 'UPLOAD_AGAIN' },
  IMAGE_CORRUPT: { message: 'The image is damaged.', hint: 'EXPORT_AGAIN' },
  IMAGE_ANIMATED: { message: 'Animated images are not accepted.', hint: 'CONVERT_TO_PNG' },
  IMAGE_TOO_LARGE_PIXELS: { message: 'The image has too many pixels.', hint: 'RESIZE' },
} as const

export type RefusalReason = keyof typeof refusals

export interface RefusalDetails {
  allowed?: unknown
  actual?: unknown
  /** What exactly is wrong, for the end of the message. */
  because?: string
  cause?: unknown
}

/** The error of an image that Easel does not take. It names no field: the caller knows which input it was. */
export function refusal(reason: RefusalReason, details: RefusalDetails = {}): EaselError {
  const { because, cause, ...rest } = details
  const { message, ...advice } = refusals[reason]
  const text = because ? `${message} (${because})` : message
  return new EaselError('BAD_USER_INPUT', text, { reason, ...advice, ...rest }, { cause })
}
