import { useState } from 'react'
import { hrefOf, replaceLocation } from '../routing/location.ts'
import { type FilterName, type FilterValues, filterNames } from './filter-values.ts'
import { OperationFilters } from './operation-filters.tsx'
import { OperationRows } from './operation-rows.tsx'

/** The filters are in the address, so that a view can be bookmarked and shared. */
export function OperationsPage({ params }: { params: URLSearchParams }) {
  const values = Object.fromEntries(filterNames.map((name) => [name, params.get(name) ?? ''])) as FilterValues
  const change = (name: FilterName, value: string) =>
    replaceLocation(hrefOf(['operations'], { ...values, [name]: value }))
  return (
    <div className="page">
      <header className="page-head">
        <h1>Operations</h1>
        <p className="muted">
          Everything that was asked for, newest first. The list keeps itself up to date.
        </p>
      </header>
      <OperationFilters values={values} onChange={change} />
      <OperationPages key={JSON.stringify(values)} values={values} />
    </div>
  )
}

/** Each page has a query of its own; only the first page is polled. */
function OperationPages({ values }: { values: FilterValues }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null])
  return (
    <ul className="operation-list" aria-label="Operations">
      {cursors.map((after, at) => (
        <OperationRows
          key={after ?? 'first'}
          values={values}
          after={after}
          onMore={at === cursors.length - 1 ? (cursor) => setCursors([...cursors, cursor]) : null}
        />
      ))}
    </ul>
  )
}
