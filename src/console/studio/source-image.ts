import type { ImageCardFragment } from '../generated/graphql.ts'

/** An image to work on: a file of this computer, or one that the gateway already has. */
export interface SourceImage {
  id: string
  name: string
  width: number
  height: number
  /** The address for showing it: an object URL of the file, or the gateway's address. */
  url: string
  blob: Blob | null
  imageId: string | null
}

export async function readSourceImage(file: File): Promise<SourceImage> {
  const url = URL.createObjectURL(file)
  const { width, height } = await measureImage(url)
  return {
    id: crypto.randomUUID(),
    name: file.name || 'Pasted image',
    width,
    height,
    url,
    blob: file,
    imageId: null,
  }
}

export function sourceOfImage(image: ImageCardFragment): SourceImage {
  const { id, url, width, height } = image
  return { id: crypto.randomUUID(), name: 'From Easel', width, height, url, blob: null, imageId: id }
}

export function releaseSourceImage({ url }: SourceImage): void {
  if (url.startsWith('blob:')) URL.revokeObjectURL(url)
}

/** A file that this browser cannot show is sent as well: the gateway may accept it, or says what is wrong. */
async function measureImage(url: string): Promise<{ width: number; height: number }> {
  const image = new Image()
  image.src = url
  try {
    await image.decode()
    return { width: image.naturalWidth, height: image.naturalHeight }
  } catch {
    return { width: 0, height: 0 }
  }
}
