import { useEffect, useState } from 'react'
import { formatDuration } from '../controls/format.ts'

const tickMs = 100

/** How long something took, or takes. It is not announced: a clock that speaks is no help. */
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
