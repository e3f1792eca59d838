import { Client, type Pool } from 'pg'

/** `reconnected`: what happened meanwhile was missed; read again. */
export type StoreEvent =
  | { readonly channel: 'sluice_request'; readonly requestId: string }
  | {
      readonly channel: 'sluice_promotion'
      readonly promotionId: string
      readonly requestId: string
      readonly state: string
    }
  /** Work for whichever worker is there. */
  | { readonly channel: 'sluice_due'; readonly what: string }
  | { readonly channel: 'reconnected' }

const LONGEST_PAUSE = 5_000

/**
 * Hears of every change of a request or promotion, and of work that is due, over one connection of its own that is made again
 * when it breaks. Resolves once it listens. @throws the connection's error when the first one fails
 */
export async function listen(
  store: { readonly pool: Pool },
  onEvent: (event: StoreEvent) => void,
): Promise<{ close(): Promise<void> }> {
  let client: Client | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  async function connect(): Promise<void> {
    const next = new Client({ ...store.pool.options, keepAlive: true })
    next.on('error', () => {})
    next.on('notification', ({ channel, payload = '' }) => onEvent(eventOf(channel, payload)))
    await next.connect()
    await next.query('listen sluice_request; listen sluice_promotion; listen sluice_due')
    client = next
    next.once('end', () => again(50))
    if (closed) await next.end()
  }

  function again(pause: number): void {
    if (closed) return
    timer = setTimeout(() => {
      connect().then(
        () => onEvent({ channel: 'reconnected' }),
        () => again(Math.min(pause * 2, LONGEST_PAUSE)),
      )
    }, pause)
  }

  await connect()
  return {
    async close() {
      closed = true
      clearTimeout(timer)
      await client?.end()
    },
  }
}

function eventOf(channel: string, payload: string): StoreEvent {
  if (channel === 'sluice_request') return { channel, requestId: payload }
  if (channel === 'sluice_due') return { channel, what: payload }
  const said: { promotionId: string; requestId: string; state: string } = JSON.parse(payload)
  return { channel: 'sluice_promotion', ...said }
}
