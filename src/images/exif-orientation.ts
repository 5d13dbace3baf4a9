const orientationTag = 0x0112
const shortType = 3

/** The orientation in an EXIF block; 1 (upright) where it is missing or invalid, as in browsers. */
export function readOrientation(exif: Buffer): number {
  const tiff = exif.subarray(0, 6).toString('latin1') === 'Exif\0\0' ? exif.subarray(6) : exif
  const order = tiff.subarray(0, 2).toString('latin1')
  if (tiff.length < 14 || (order !== 'II' && order !== 'MM')) return 1
  const little = order === 'II'
  const uint16 = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  if (directory + 2 > tiff.length) return 1
  const entries = Math.min(uint16(directory), Math.floor((tiff.length - directory - 2) / 12))
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * 12
    if (uint16(entry) !== orientationTag) continue
    const value = uint16(entry + 2) === shortType ? uint16(entry + 8) : 1
    return value >= 1 && value <= 8 ? value : 1
  }
  return 1
}
