import { afterNumber, type Page, type Paged, paged } from '../page.ts'
import type { Connections } from '../transaction.ts'

export interface EntryView {
  readonly id: string
  readonly type: string
  readonly at: Date
  readonly actor: string
  readonly subjects: readonly string[]
  /** Null when it was erased. */
  readonly payload: unknown
}

export interface EntryFilter extends Page {
  readonly type?: string | undefined
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
}

/** Reading the log; `appendEntry` writes it. */
export function audit({ pool }: Connections) {
  return {
    /** The newest first. @throws StoreError invalid (`after`) */
    async list({ type, actor, subject, since, until, limit, after }: EntryFilter): Promise<Paged<EntryView>> {
      // Ids and types are printable ASCII (proof); nothing else is in the log.
      if ([type, actor, subject].some((text) => text !== undefined && !/^[\x21-\x7e]{1,512}$/.test(text))) {
        return { items: [], next: null }
      }
      const values: unknown[] = []
      const conditions: string[] = []
      const where = (condition: string, value: unknown) => {
        if (value === undefined || value === null) return
        values.push(value)
        conditions.push(condition.replace('?', `$${values.length}`))
      }
      where('e.type = ?', type)
      where('e.actor = ?', actor)
      where('e.subjects @> ?', subject === undefined ? undefined : [subject])
      where('e.at >= ?', since)
      where('e.at < ?', until)
      where('e.arrival < ?', afterNumber(after))
      values.push(limit + 1)
      const { rows } = await pool.query<Row>(
        `select e.id, e.type, e.at, e.actor, e.subjects, e.arrival, convert_from(p.payload, 'UTF8') as payload
         from audit_entry e left join audit_payload p on p.entry_id = e.id
         ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
         order by e.arrival desc limit $${values.length}`,
        values,
      )
      const { items, next } = paged(rows, limit, ({ arrival }) => arrival)
      return { items: items.map(entryOf), next }
    },
  }
}

type Row = Omit<EntryView, 'payload'> & { readonly arrival: string; readonly payload: string | null }

function entryOf({ id, type, at, actor, subjects, payload }: Row): EntryView {
  return { id, type, at, actor, subjects, payload: payload === null ? null : JSON.parse(payload) }
}
