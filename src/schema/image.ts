import { z } from 'zod'
import type { Image as ImageRow } from '../database/generated/client.ts'
import { madeWidths } from '../images/variant-widths.ts'
import { builder } from './builder.ts'
import { type Context, visibleTo } from './context.ts'
import { ImageFormat } from './enums.ts'

const formats = { PNG: 'png', JPEG: 'jpeg', WEBP: 'webp' } as const

/** S3's own longest life of a signed address, and ours. */
const maxUrlSeconds = 7 * 24 * 3600

export function inBase64(image: ImageRow, { images, inline }: Context): Promise<string> {
  return inline(image.byteSize, () => images.base64(image))
}

export const Image = builder.prismaNode('Image', {
  id: { field: 'id', description: 'Give it as `imageId` to use the image again without another upload.' },
  description: 'An image that Easel keeps: an input, a mask, a partial image or a result.',
  nullable: true,
  authScopes: ({ userId }) => ({ self: userId }),
  findUnique: (id, { viewer }) => ({ id, ...visibleTo(viewer) }),
  fields: (t) => ({
    url: t.string({
      description:
        'An address of this gateway. It shows the image without a key until it expires, so it can be used in an `<img>`.',
      args: {
        width: t.arg.int({
          description: `How wide it may be, 16 to 4096, rounded up to one of ${madeWidths.join(', ')} pixels. An image is never made larger.`,
          validate: z.number().int().min(16).max(4096),
        }),
        format: t.arg({
          type: ImageFormat,
          description: 'The format to convert it to. Without it the image is sent as it is kept.',
        }),
        expiresIn: t.arg.int({
          description:
            'How many seconds the address lives at least: 60 to 604800 (a week), or less where the gateway allows less. By default a day, unless it is configured otherwise.',
          validate: z.number().int().min(60).max(maxUrlSeconds),
        }),
      },
      resolve: (image, { width, format, expiresIn }, { images }) =>
        images.url(image, {
          variant: { width: width ?? undefined, format: format ? formats[format] : undefined },
          ...(expiresIn && { expiresInSeconds: expiresIn }),
        }),
    }),
    b64Json: t.string({
      description: 'The whole file in base64. It is large: prefer `url`.',
      complexity: 50,
      resolve: (image, _, context) => inBase64(image, context),
    }),
    revisedPrompt: t.exposeString('revisedPrompt', {
      nullable: true,
      description: 'The prompt as the provider rewrote it, where it says so (dall-e-3).',
    }),
    mimeType: t.exposeString('mimeType', {
      description:
        'Read from the bytes: `image/png`, `image/jpeg` or `image/webp`. A result may also be `image/apng`, `image/avif`, `image/bmp`, `image/gif`, `image/heic`, `image/jp2`, `image/jxl`, `image/svg+xml`, `image/tiff` or `image/x-png` (of Xcode): then it is kept as it came. What browsers do not show, and SVG, is served as a download.',
    }),
    width: t.exposeInt('width', { description: 'In pixels; 0 where a result does not say it.' }),
    height: t.exposeInt('height', { description: 'In pixels; 0 where a result does not say it.' }),
    byteSize: t.exposeInt('byteSize', { description: 'The size of the file in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 of the file, in hexadecimal.' }),
    thumbHash: t.string({
      nullable: true,
      description:
        'A blurred preview of about 25 bytes in base64: https://evanw.github.io/thumbhash/. It is made when it is first asked for. Null for partial images, for a picture that cannot be decoded, and while too many pictures are being decoded.',
      resolve: (image, _, { loaders }) => image.thumbHash || loaders.thumbHash.load(image),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When Easel received it.' }),
    operation: t.relation('operation', {
      nullable: true,
      description: 'The operation that made it, or that it was uploaded for.',
    }),
  }),
})
