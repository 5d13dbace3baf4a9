import { useEffect, useState } from 'react'
import { formatDuration } from '../controls/format.ts'

const tickMs = 100

/** The time that something took or takes so far. Screen readers do not announce it, since it changes all the time. */
export function ElapsedTime({ from, to }: { from: number; to: number | null }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (to !== null) return
    const timer = setInterval(() => setNow(Date.now()), tickMs)
    return () => clearInterval(timer)
  }, [to])
  return (
    <span className="elapsed" aria-hidden={to === null}>
      {formatDuration((to ?? now) - from)}
    </span>
  )
}
