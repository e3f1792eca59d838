/**
 * Asks once for all who want the same at the same time. Whoever comes while a question is under way shares the
 * next one, which begins after they came: nobody gets an answer older than their own question would have had.
 */
export function askedTogether<Answer>(
  ask: (key: string) => Promise<Answer>,
): (key: string) => Promise<Answer> {
  const underWay = new Map<string, Promise<void>>()
  const next = new Map<string, Promise<Answer>>()

  function begin(key: string): Promise<Answer> {
    const answer = ask(key)
    const over = () => {
      if (underWay.get(key) === ended) underWay.delete(key)
    }
    const ended = answer.then(over, over)
    underWay.set(key, ended)
    return answer
  }

  return (key) => {
    const before = underWay.get(key)
    if (before === undefined) return begin(key)
    let shared = next.get(key)
    if (shared === undefined) {
      shared = before.then(() => {
        next.delete(key)
        return begin(key)
      })
      next.set(key, shared)
    }
    return shared
  }
}
