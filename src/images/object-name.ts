import { rowIdPattern } from '../row-id.ts'
import { knownExtensions } from './storage.ts'

/** The object that names the owner of the storage: see storage-mark.ts. */
export const markName = 'easel-owner.json'

/** The object that a probe writes to find out whether the storage works. */
export const probeName = 'easel-probe'

/** Objects of the gateway that are no images. The sweep of images skips them. */
const otherRooms = ['spool/', probeName]

const image = `(${rowIdPattern})/[0-9a-f]{64}\\.(?:${knownExtensions.join('|')})`
const imageName = new RegExp(`^${image}$`)
/** A file that a killed process was writing; a bucket has none. */
const partName = new RegExp(`^(?:${image}|${RegExp.escape(markName)})\\.${rowIdPattern}\\.part$`)

export type ObjectName = { kind: 'image'; operationId: string } | { kind: 'part' | 'own' | 'foreign' }

/** What an object is, by its name alone. `foreign`: Easel never writes such a name. */
export function parseObjectName(key: string): ObjectName {
  const operationId = imageName.exec(key)?.[1]
  if (operationId) return { kind: 'image', operationId }
  if (partName.test(key)) return { kind: 'part' }
  const isOwn = key === markName || otherRooms.some((prefix) => key.startsWith(prefix))
  return { kind: isOwn ? 'own' : 'foreign' }
}
