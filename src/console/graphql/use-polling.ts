import { useEffect, useRef } from 'react'
import { useIsVisible } from './use-is-visible.ts'

/** Repeats a query at intervals while the page is visible, and at once when it becomes visible. Null turns it off. */
export function usePolling(ask: () => void, intervalMs: number | null): void {
  const latest = useRef(ask)
  const isVisible = useIsVisible()
  const wasHidden = useRef(false)
  useEffect(() => {
    latest.current = ask
  })
  useEffect(() => {
    if (!isVisible) wasHidden.current = true
    if (!isVisible || intervalMs === null) return
    if (wasHidden.current) latest.current()
    wasHidden.current = false
    const timer = setInterval(() => latest.current(), intervalMs)
    return () => clearInterval(timer)
  }, [isVisible, intervalMs])
}
