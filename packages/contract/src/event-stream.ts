const LINE_LIMIT = 1_000_000

/**
 * Reads `text/event-stream` (HTML, "Server-sent events"): the data of each event, heartbeats left out.
 * @throws RangeError when an event is larger than 1 MB
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      rest += decoder.decode(value, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > LINE_LIMIT) throw new RangeError('an event is larger than 1 MB')
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(5).trim())
        if (line.trim() !== '' || data.length === 0) continue
        yield data.join('\n')
        data = []
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
