export function Wordmark() {
  return (
    <span className="wordmark">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" />
        <path d="M16 5v3M8 27l6-9M24 27l-6-9M16 18v9M7 8h18v10H7z" />
      </svg>
      Easel
    </span>
  )
}
