import { useSyncExternalStore } from 'react'

/** Where the page is: `#/operations/ID?kind=EDIT` has the path `['operations', 'ID']`. */
export interface Location {
  path: string[]
  params: URLSearchParams
}

export function hrefOf(path: string[], params: Record<string, string | null | undefined> = {}): string {
  const kept = Object.entries(params).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const query = new URLSearchParams(kept).toString()
  return `#/${path.map(encodeURIComponent).join('/')}${query ? `?${query}` : ''}`
}

export function navigate(href: string): void {
  location.hash = href
}

/** Changes the address without an entry in the history, for state that changes on the same page. */
export function replaceLocation(href: string): void {
  history.replaceState(null, '', href)
  dispatchEvent(new HashChangeEvent('hashchange'))
}

export function useLocation(): Location {
  return parseHash(useSyncExternalStore(subscribe, () => location.hash))
}

export function parseHash(hash: string): Location {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  return { path: path.split('/').filter(Boolean).map(decodePart), params: new URLSearchParams(query) }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}
