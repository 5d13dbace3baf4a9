import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { imageBytes, type PictureSize, partialBytes, pictureBytes } from './cells.ts'
import { type Child, startChild } from './child.ts'
import { makePicture } from './picture.ts'
import type { ProviderOptions, ProviderScript } from './provider.ts'
import { askedPartials } from './story.ts'

/** What all targets work with: the provider and its images, and the pictures to edit. */
export interface Scene {
  provider: Child<ProviderScript | 'calls', number>
  pictures: Record<PictureSize, Buffer>
  image: Buffer
  partials: Buffer[]
}

export async function setScene(folder: string): Promise<Scene> {
  const image = await makePicture(imageBytes)
  const partials = await Promise.all(Array.from({ length: askedPartials }, () => makePicture(partialBytes)))
  const write = async (name: string, bytes: Buffer) => {
    await writeFile(join(folder, name), bytes)
    return join(folder, name)
  }
  const options: ProviderOptions = {
    image: await write('image.png', image),
    partials: await Promise.all(partials.map((bytes, index) => write(`partial-${index}.png`, bytes))),
  }
  return {
    provider: await startChild('provider.ts', options),
    pictures: {
      usual: await makePicture(pictureBytes.usual),
      big: await makePicture(pictureBytes.big),
    },
    image,
    partials,
  }
}
