import type pg from 'pg'
import { asStoreError } from '../errors.ts'

/**
 * Runs `work` unless another process is at it. The lock belongs to a connection: should that break, two
 * may work at once, which wastes work and harms nothing.
 */
export async function exclusively<T>(pool: pg.Pool, name: string, work: () => Promise<T>): Promise<T | null> {
  const client = await pool.connect()
  let broken: Error | undefined
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    const { rows } = await client.query<{ mine: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as mine',
      [name],
    )
    if (!rows[0]?.mine) return null
    try {
      return await work()
    } finally {
      await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [name]).catch(onError)
    }
  } catch (error) {
    throw asStoreError(error)
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}
