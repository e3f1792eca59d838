import type { Connections } from '../transaction.ts'

/** Registries that asked to be left alone; one worker is told, and all of them are silent. */
export function pauses({ pool }: Connections) {
  return {
    /** Milliseconds for which this host, with its port, wants no request. */
    async left(host: string): Promise<number> {
      const { rows } = await pool.query<{ left: number }>(
        'select extract(epoch from until - now())::float8 * 1000 as left from registry_pause where host = $1',
        [host],
      )
      return Math.max(0, rows[0]?.left ?? 0)
    },
    /** A shorter pause ends no longer one. */
    async ask(host: string, ms: number): Promise<void> {
      await pool.query(
        `insert into registry_pause (host, until) values ($1, now() + $2 * interval '1 millisecond')
         on conflict (host) do update set until = greatest(registry_pause.until, excluded.until), at = now()`,
        [host, ms],
      )
    },
  }
}
