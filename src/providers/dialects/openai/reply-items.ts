import { ImageSlot } from '../../transport/image-slot.ts'
import { isRecord } from '../../transport/is-record.ts'

/** The result of one image as OpenAI writes it: with `b64_json` or `url`, or with neither. */
export type ReplyItem = Record<string, unknown>

/** Members that hold results, in the order to look: OpenAI's, SiliconFlow's, Replicate's, DashScope's and others. */
const holders = ['data', 'images', 'output', 'results', 'result', 'artifacts']
/** Members that are the image. MiniMax lists several in one. */
const imageMembers = ['image_url', 'image_urls', 'image', 'image_base64', 'b64', 'base64']
/** Members of a chat, in which results lie deeper. Their own text is for people. */
const wrappers = ['choices', 'message', 'content']

/** Members whose text may be an image, beside `b64_json` whose text always is one; '' is a list that is the reply. */
export const textMembers = ['url', ...holders, ...imageMembers, '']

/** Deeper than the results of any known server lie (DashScope: `output.choices[].message.content[].image`). */
const maxDepth = 8

/** The results in a reply, wherever its server puts them; null where there is no place for any. */
export function listItems(body: Record<string, unknown>): ReplyItem[] | null {
  if (hasImage(body)) return [body]
  const found = expandMembers(body, maxDepth)
  if (found.length > 0) return found
  const lists = holders.map((name) => expand(body[name], maxDepth))
  return lists.find(({ length }) => length > 0) ?? (Array.isArray(body.data) ? [] : null)
}

export function hasImage({ b64_json: b64, url }: ReplyItem): boolean {
  return [b64, url].some((value) =>
    value instanceof ImageSlot ? !value.isEmpty : typeof value === 'string' && value !== '',
  )
}

function expand(value: unknown, depth: number): ReplyItem[] {
  if (depth === 0) return []
  if (value instanceof ImageSlot) return [{ b64_json: value }]
  if (typeof value === 'string') return isAddress(value) ? [{ url: value }] : []
  if (Array.isArray(value)) return value.flatMap((each) => (each === null ? [{}] : expand(each, depth - 1)))
  if (!isRecord(value)) return []
  if (hasImage(value)) return [value]
  const within = expandMembers(value, depth - 1)
  return within.length > 0 ? within.map((item) => ({ ...value, ...item })) : [value]
}

/** The items with an image in the first member that has any: the same images may stand in two. */
function expandMembers(body: Record<string, unknown>, depth: number): ReplyItem[] {
  for (const name of [...holders, ...imageMembers, ...wrappers]) {
    const value = body[name]
    const isText = typeof value === 'string' && wrappers.includes(name)
    const items = isText ? [] : expand(value, depth)
    // An item without an image stands for one that failed, and keeps its place.
    if (items.some(hasImage)) return wrappers.includes(name) ? items.filter(hasImage) : items
  }
  return []
}

function isAddress(text: string): boolean {
  return /^(?:https?:|\/)/i.test(text)
}
