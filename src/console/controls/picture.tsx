import { type CSSProperties, useMemo, useState } from 'react'
import { thumbHashToDataURL } from 'thumbhash'

interface PictureProps {
  image: { url?: string; thumbnail?: string; thumbHash: string | null; width: number; height: number }
  alt: string
  /** The small version, for lists. */
  isThumbnail?: boolean
  /** Fills the element around it instead of keeping the image's shape. */
  fills?: boolean
}

/** An image of the gateway. Its blurred preview shows until the file is there. */
export function Picture({ image, alt, isThumbnail = false, fills = false }: PictureProps) {
  const [loaded, setLoaded] = useState(false)
  const preview = useMemo(() => previewOf(image.thumbHash), [image.thumbHash])
  const address = (isThumbnail ? image.thumbnail : image.url) ?? image.thumbnail ?? ''
  return (
    <span className="picture" style={fills ? {} : shapeOf(image)}>
      {preview && !loaded && <img src={preview} alt="" className="picture-preview" />}
      <img
        src={onThisOrigin(address)}
        alt={alt}
        width={image.width}
        height={image.height}
        decoding="async"
        onLoad={() => setLoaded(true)}
        data-loaded={loaded}
      />
    </span>
  )
}

/** The style sheet takes the ratio too, where the height of the window is the limit. */
export function shapeOf({ width, height }: { width: number; height: number }): CSSProperties {
  return { aspectRatio: `${width} / ${height}`, '--ratio': width / height } as CSSProperties
}

/**
 * The gateway names itself by its public address, while this page may have been opened by another name of it
 * (`localhost`). The signature covers the path alone, and the page may only load from its own origin.
 */
export function onThisOrigin(address: string): string {
  if (!address) return ''
  const { pathname, search } = new URL(address, document.baseURI)
  return pathname + search
}

function previewOf(thumbHash: string | null): string | null {
  if (!thumbHash) return null
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(thumbHash), (char) => char.charCodeAt(0)))
  } catch {
    return null
  }
}
