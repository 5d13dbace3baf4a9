import type { ErrorMeaning } from './meaning.ts'

/** What is wrong with the use of an image that Easel has. */
export const imageReasons = {
  IMAGE_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'There is no such image, or it is not yours.',
    hint: 'Use the id of an image of yours, or upload the image.',
  },
  IMAGE_GONE: {
    code: 'NOT_FOUND',
    meaning: 'The bytes of the image are no longer kept.',
    hint: 'Upload the image again, or make it anew.',
  },
  BASE64_TOO_LONG: {
    code: 'PAYLOAD_TOO_LARGE',
    meaning: 'The image, or all those of one answer, are too large to be sent in base64.',
    hint: 'Ask for `url` in place of `b64Json`, or for fewer images at once.',
  },
  BASE64_BUSY: {
    code: 'RATE_LIMITED',
    meaning:
      'Answers of this user with images in base64 wait to be read, and there are too many bytes in them.',
    hint: 'Ask for `url` in place of `b64Json`, or read those answers first.',
  },
  URL_LIFETIME_OUT_OF_RANGE: {
    code: 'BAD_USER_INPUT',
    meaning: 'The address of an image cannot live that long.',
    hint: 'Choose an `expiresIn` within `allowed`.',
  },
  WIDTH_OUT_OF_RANGE: {
    code: 'BAD_USER_INPUT',
    meaning: 'An image cannot be shown that wide.',
    hint: 'Choose a `width` within `allowed`.',
  },
} as const satisfies Record<string, ErrorMeaning>
