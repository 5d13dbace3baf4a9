import type { ErrorMeaning } from './meaning.ts'

/** What does not fit the model that was chosen, or its parameters. */
export const modelReasons = {
  MODEL_UNKNOWN: {
    code: 'BAD_USER_INPUT',
    meaning: 'There is no such model here.',
    hint: 'Choose one of `models`; `allowed` lists them.',
  },
  MODEL_RETIRED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The provider has retired the model.',
    hint: 'Use the model in `allowed`, if there is one.',
  },
  KIND_NOT_SUPPORTED: {
    code: 'UNSUPPORTED_BY_MODEL',
    meaning: 'The model does not do this kind of operation.',
    hint: 'Choose a model that does; `models` says which.',
  },
  PARAMETER_NOT_SUPPORTED: {
    code: 'UNSUPPORTED_BY_MODEL',
    meaning: 'The model does not have this parameter.',
    hint: 'Leave the parameter out, or choose another model.',
  },
  VALUE_NOT_SUPPORTED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The model does not take this value.',
    hint: 'Choose one of `allowed`.',
  },
  OUT_OF_RANGE: {
    code: 'BAD_USER_INPUT',
    meaning: 'A number is too small, too large or not whole.',
    hint: 'Choose a whole number within `allowed`.',
  },
  SIZE_NOT_SUPPORTED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The model does not make images of this size.',
    hint: 'Choose a size that `allowed` describes, or `auto`.',
  },
  SIZE_AND_RATIO: {
    code: 'BAD_USER_INPUT',
    meaning: 'Both a size and an aspect ratio were given.',
    hint: 'Give one of them.',
  },
  PROMPT_MISSING: {
    code: 'BAD_USER_INPUT',
    meaning: 'There is no prompt.',
    hint: 'Write a prompt.',
  },
  PROMPT_EMPTY: {
    code: 'BAD_USER_INPUT',
    meaning: 'The prompt is empty.',
    hint: 'Write a prompt.',
  },
  PROMPT_TOO_LONG: {
    code: 'BAD_USER_INPUT',
    meaning: 'The prompt has more characters than the model takes.',
    hint: 'Shorten it to `allowed.max` characters.',
  },
  PROMPT_AND_MESSAGES: {
    code: 'BAD_USER_INPUT',
    meaning: 'Both a prompt and messages were given.',
    hint: 'Give one of them.',
  },
  MESSAGE_COUNT: {
    code: 'BAD_USER_INPUT',
    meaning: 'There are too few or too many messages.',
    hint: 'Send a number of messages within `allowed`.',
  },
  FORMAT_WITHOUT_TRANSPARENCY: {
    code: 'BAD_USER_INPUT',
    meaning: 'This output format cannot have a transparent background.',
    hint: 'Choose one of the formats in `allowed`.',
  },
  FORMAT_WITHOUT_COMPRESSION: {
    code: 'BAD_USER_INPUT',
    meaning: 'This output format cannot be compressed.',
    hint: 'Choose JPEG or WEBP, or leave `outputCompression` out.',
  },
  PARTIAL_IMAGES_WITHOUT_STREAM: {
    code: 'BAD_USER_INPUT',
    meaning: 'Partial images were asked for without a stream.',
    hint: 'Set `stream: true`, or `partialImages: 0`.',
  },
  IMAGE_COUNT: {
    code: 'BAD_USER_INPUT',
    meaning: 'The model takes fewer or more images.',
    hint: 'Send a number of images within `allowed`.',
  },
  IMAGE_NOT_SQUARE: {
    code: 'BAD_USER_INPUT',
    meaning: 'The model takes square images only.',
    hint: 'Crop the image to a square.',
  },
  IMAGE_WITHOUT_ALPHA: {
    code: 'BAD_USER_INPUT',
    meaning: 'Without a mask, the image itself has to be transparent where it is to be edited.',
    hint: 'Add a mask, or make that part transparent.',
  },
  MASK_WITHOUT_ALPHA: {
    code: 'BAD_USER_INPUT',
    meaning: 'The mask has no alpha channel.',
    hint: 'Save the mask as PNG with transparency.',
  },
  MASK_DIMENSIONS: {
    code: 'BAD_USER_INPUT',
    meaning: 'The mask does not have the dimensions of the first image.',
    hint: 'Resize the mask to those in `allowed`.',
  },
  MASK_FULLY_OPAQUE: {
    code: 'BAD_USER_INPUT',
    meaning: 'The mask has no fully transparent pixel, so there is nothing to edit.',
    hint: 'Make the part that is to be edited transparent.',
  },
  MASK_FULLY_TRANSPARENT: {
    code: 'BAD_USER_INPUT',
    meaning: 'The mask is fully transparent.',
    hint: 'Leave the mask out to edit the whole image.',
  },
} as const satisfies Record<string, ErrorMeaning>
