import { useState } from 'react'
import { Button } from '../controls/button.tsx'
import { addressOf } from '../graphql/gateway.ts'
import { useConnection } from '../graphql/gateway-context.ts'
import type { UsageRange } from './usage-range.ts'
import type { Breakdown } from './usage-series.ts'

/** Downloads the report as a file. A plain link could not send the key, so the page fetches the file itself. */
export function UsageDownload({ range, by }: { range: UsageRange; by: Breakdown }) {
  const { session } = useConnection()
  const [failed, setFailed] = useState(false)
  const download = async () => {
    const address = new URL(addressOf('usage.csv'))
    address.search = new URLSearchParams({
      from: range.from,
      to: range.to,
      groupBy: `${range.bucket},${by}`,
      timeZone: range.timeZone,
    }).toString()
    const response = await fetch(address, { headers: session.headers() }).catch(() => null)
    setFailed(!response?.ok)
    if (response?.ok) saveFile(await response.blob(), `easel-usage-${range.from.slice(0, 10)}.csv`)
  }
  return (
    <>
      <Button icon="download" onPress={download}>
        CSV
      </Button>
      {failed && (
        <span className="field-error" role="alert">
          The file could not be fetched.
        </span>
      )}
    </>
  )
}

function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url))
}
