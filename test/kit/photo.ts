import sharp, { type Sharp } from 'sharp'

/** The fewest pixels that gpt-image-1 draws: what it chooses by itself for a photo takes twice the work. */
export const smallestSize = '1024x1024'

/** A smooth picture that looks like something: a sky over a field, with a sun. */
export function drawPhoto(width: number, height: number): Sharp {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 300 200" preserveAspectRatio="xMidYMid slice">
    <defs>
      <linearGradient id="sky" x2="0" y2="1"><stop offset="0" stop-color="#3a6ea5"/><stop offset="1" stop-color="#f6c89f"/></linearGradient>
      <linearGradient id="field" x2="0" y2="1"><stop offset="0" stop-color="#6b8e4e"/><stop offset="1" stop-color="#2f4a2a"/></linearGradient>
    </defs>
    <rect width="300" height="200" fill="url(#sky)"/><circle cx="215" cy="62" r="24" fill="#fff3c4"/>
    <path d="M0 140 Q75 105 150 132 T300 118 V200 H0Z" fill="url(#field)"/>
    <path d="M60 150 l14 -34 l14 34z M92 156 l12 -30 l12 30z" fill="#274029"/>
  </svg>`
  return sharp(Buffer.from(svg))
}

export async function photoFile(
  options: { width?: number; height?: number; format?: 'png' | 'jpeg' | 'webp' } = {},
) {
  const { width = 300, height = 200, format = 'png' } = options
  const bytes = await drawPhoto(width, height).toFormat(format).toBuffer()
  return new Blob([new Uint8Array(bytes)], { type: `image/${format}` })
}

/** A mask of that size: the circle in the middle is transparent and so to be edited. */
export async function maskFile(width: number, height: number): Promise<Blob> {
  const hole = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><circle cx="50%" cy="50%" r="30%"/></svg>`
  const bytes = await sharp({ create: { width, height, channels: 4, background: '#000' } })
    .composite([{ input: Buffer.from(hole), blend: 'dest-out' }])
    .png()
    .toBuffer()
  return new Blob([new Uint8Array(bytes)], { type: 'image/png' })
}
