type Connect = (search: string) => EventSource

/** Shows the events of an operation over any number of cuts. `connect` adds the address of `/graphql/stream`. */
export function watch<Event extends { sequence: number }>(
  connect: Connect,
  { query, id, after = 0 }: { query: string; id: string; after?: number },
  show: (event: Event) => void,
): () => void {
  let source: EventSource
  let pause: ReturnType<typeof setTimeout> | undefined
  const open = () => {
    source = connect(`?${new URLSearchParams({ query, variables: JSON.stringify({ id, after }) })}`)
    source.addEventListener('next', ({ data }) => {
      const event: Event = JSON.parse(data).data.partialImages
      after = event.sequence
      show(event)
    })
    source.addEventListener('complete', () => source.close())
    // By itself EventSource asks the same address again, and so for all events once more.
    source.addEventListener('error', () => {
      if (source.readyState === source.CLOSED) return
      source.close()
      pause = setTimeout(open, 1_000)
    })
  }
  open()
  return () => {
    clearTimeout(pause)
    source.close()
  }
}
