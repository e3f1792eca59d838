// What crosses the network until a view is there, as Chromium tells it. Bytes and round trips do not depend on how
// busy the machine is.

/** Watches a page from now on; `stop` answers what was seen of it until then. */
export function watch(session) {
  const seen = new Map()
  const begun = ({ requestId, request, timestamp, type }) => {
    if (/^https?:/.test(request.url))
      seen.set(requestId, { url: request.url, type, from: timestamp, bytes: 0 })
  }
  const answered = ({ requestId, response, timestamp, type }) => {
    const one = seen.get(requestId)
    if (one !== undefined)
      Object.assign(one, { type, answered: timestamp, stream: /event-stream/.test(response.mimeType) })
  }
  const ended = ({ requestId, timestamp, encodedDataLength }) => {
    const one = seen.get(requestId)
    if (one !== undefined) Object.assign(one, { to: timestamp, bytes: encodedDataLength })
  }
  const handlers = {
    'Network.requestWillBeSent': begun,
    'Network.responseReceived': answered,
    'Network.loadingFinished': ended,
  }
  for (const [name, handler] of Object.entries(handlers)) session.on(name, handler)
  return {
    stop() {
      for (const [name, handler] of Object.entries(handlers)) session.off(name, handler)
      // A stream never ends, and nothing waits for the icon.
      const all = [...seen.values()].filter(({ url, stream }) => stream !== true && !url.endsWith('.svg'))
      const done = all.filter(({ to }) => to !== undefined)
      return {
        requests: done.length,
        bytes: sum(done),
        scripts: sum(done.filter(({ type }) => type === 'Script')),
        trips: trips(done),
      }
    },
  }
}

const sum = (all) => all.reduce((total, { bytes }) => total + bytes, 0)

/** The longest chain of requests of which each began when the one before had ended. */
export function trips(all) {
  const ordered = all.toSorted((a, b) => a.from - b.from)
  const depth = new Map()
  for (const one of ordered) {
    const before = ordered.filter(({ to }) => to <= one.from).map((other) => depth.get(other) ?? 0)
    depth.set(one, 1 + Math.max(0, ...before))
  }
  return Math.max(0, ...depth.values())
}
