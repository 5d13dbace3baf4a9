import type { ErrorMeaning } from './meaning.ts'

/** What is wrong with an upload, as bytes on the way and as an image. */
export const uploadReasons = {
  MULTIPART_MALFORMED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The multipart body cannot be read.',
    hint: 'Send the body as the GraphQL multipart request specification says.',
  },
  MULTIPART_MAP_INVALID: {
    code: 'BAD_USER_INPUT',
    meaning: 'The field `map` of the multipart body is not valid.',
    hint: 'Let `map` name each file and the variables that it fills.',
  },
  UPLOAD_TRUNCATED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The request ended before its body did.',
    hint: 'Send it again.',
  },
  UPLOAD_MISSING: {
    code: 'BAD_USER_INPUT',
    meaning: 'A file that `map` names was not sent.',
    hint: 'Send the file, or leave it out of `map`.',
  },
  UPLOAD_UNEXPECTED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The request carries a file that `map` does not name.',
    hint: 'Name the file in `map`, or leave it out.',
  },
  UPLOAD_DUPLICATED: {
    code: 'BAD_USER_INPUT',
    meaning: 'A file was sent twice.',
    hint: 'Send each file once.',
  },
  TOO_MANY_FILES: {
    code: 'PAYLOAD_TOO_LARGE',
    meaning: 'The request carries too many files.',
    hint: 'Send at most as many as `allowed` says.',
  },
  FIELD_TOO_LARGE: {
    code: 'PAYLOAD_TOO_LARGE',
    meaning: 'A field of the multipart body is too large.',
    hint: 'Send images as files, not within a field.',
  },
  TOO_MANY_UPLOADS: {
    code: 'UNAVAILABLE',
    meaning: 'The gateway receives as many uploads as it can.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  TOO_MANY_UPLOADS_OF_USER: {
    code: 'RATE_LIMITED',
    meaning: 'The user has as many uploads on the way as are allowed.',
    hint: 'Send it again after `retryAfterMs`, or fewer at once.',
  },
  TOO_MANY_UPLOADED_BYTES: {
    code: 'RATE_LIMITED',
    meaning: "The files of this user's requests that have no answer yet are too large together.",
    hint: 'Send it again after `retryAfterMs`, or fewer at once.',
  },
  IMAGE_TOO_LARGE: {
    code: ['PAYLOAD_TOO_LARGE', 'BAD_USER_INPUT'],
    meaning: 'The file has more bytes than the gateway, or the model, takes.',
    hint: 'Make the image smaller; `allowed` is the limit.',
  },
  IMAGE_TOO_LARGE_PIXELS: {
    code: 'BAD_USER_INPUT',
    meaning: 'The image has too many pixels.',
    hint: 'Make the image smaller; `allowed` is the limit.',
  },
  IMAGE_EMPTY: {
    code: 'BAD_USER_INPUT',
    meaning: 'The file is empty.',
    hint: 'Upload a file that holds an image.',
  },
  IMAGE_TYPE_UNSUPPORTED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The file is of a type that the gateway, or the model, does not take.',
    hint: 'Convert it to one of the types in `allowed`; PNG fits every model.',
  },
  IMAGE_ENCODING_UNSUPPORTED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The image uses a rare encoding that few programs read.',
    hint: 'Convert it to PNG.',
  },
  IMAGE_TRUNCATED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The image ends before it is complete.',
    hint: 'Upload it again.',
  },
  IMAGE_CORRUPT: {
    code: 'BAD_USER_INPUT',
    meaning: 'The image is damaged.',
    hint: 'Export it again from the program that made it.',
  },
  IMAGE_ANIMATED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The image is animated.',
    hint: 'Convert one of its frames to PNG.',
  },
  IMAGE_UNREADABLE: {
    code: 'UNAVAILABLE',
    meaning: 'The image could not be looked at, through no fault of its own.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  IMAGES_BUSY: {
    code: 'UNAVAILABLE',
    meaning: 'The gateway works on as many images as it can.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  USER_STORAGE_FULL: {
    code: 'PAYLOAD_TOO_LARGE',
    meaning: 'The images that are kept for the user leave no room for these files.',
    hint: 'Delete operations with `deleteOperation`, or ask the operator for more room.',
  },
} as const satisfies Record<string, ErrorMeaning>
