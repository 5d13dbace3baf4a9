/** The rules of an event stream, read plainly and all at once. Events whose data is no JSON have the value null. */
export function parse(text: string): { name: string | null; value: unknown }[] {
  const events: { name: string | null; value: unknown }[] = []
  let name: string | null = null
  let data: string[] = []
  const dispatch = () => {
    if (data.length > 0) events.push({ name, value: parseJson(data.join('\n')) })
    name = null
    data = []
  }
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line === '') dispatch()
    const match = /^(event|data): ?(.*)$/.exec(line)
    if (match?.[1] === 'event') name = match[2] ?? null
    if (match?.[1] === 'data') data.push(match[2] ?? '')
  }
  dispatch()
  return events
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
