import { Prisma } from '../generated/client.ts'

/** Above every character of a tag, in ASCII. */
const ABOVE = '~'
/** What people take from a digest; less may as well be a tag or a name alone. */
const LEAST_DIGITS = 7

/**
 * Whether a request `r` is one that somebody means with a few words, by indexes alone: the beginning of a digest,
 * `NAME:TAG` (a part of a repository's name, the beginning of a tag), or either of them, or who asked.
 */
export function found(text: string): Prisma.Sql {
  const [, algorithm, digits] = /^(?:(sha256|sha512):)?([0-9a-f]*)$/.exec(text) ?? []
  if (algorithm !== undefined) return digested(text)
  const at = text.lastIndexOf(':')
  // Persons and robots may be named with a colon, too.
  if (at < 0 || /^(?:user|robot):/.test(text)) {
    const any = [
      Prisma.sql`r.id in (${named(text)} union ${tagged(text)})`,
      Prisma.sql`r.requester_id in (${askedBy(text)})`,
    ]
    if (digits !== undefined && digits.length >= LEAST_DIGITS) any.push(digested(`sha256:${digits}`))
    return Prisma.sql`(${Prisma.join(any, ' or ')})`
  }
  const [name, tag] = [text.slice(0, at), text.slice(at + 1)]
  if (tag === '') return Prisma.sql`r.id in (${named(name)})`
  // Both of one item: another item's tag says nothing of this one's name.
  return Prisma.sql`r.id in (select x.request_id
    from (${named(name, 'position')} intersect ${tagged(tag, 'position')}) x)`
}

/** Requests with an item, or the set, whose digest begins so; hexadecimal digits end before `g`. */
function digested(beginning: string): Prisma.Sql {
  const within = (column: string) =>
    Prisma.sql`${Prisma.raw(column)} >= ${beginning} and ${Prisma.raw(column)} < ${`${beginning}g`}`
  return Prisma.sql`(r.id in (select i.request_id from request_item i where ${within('i.digest')})
    or ${within('r.set_digest')})`
}

const columns = (alias: string, more: 'position' | undefined) =>
  Prisma.raw(`${alias}.request_id${more === undefined ? '' : `, ${alias}.position`}`)

/** Items whose source or target repository has this in its name. */
function named(part: string, more?: 'position'): Prisma.Sql {
  const names = Prisma.sql`from repository s where strpos(s.name, ${part.toLowerCase()}) > 0`
  return Prisma.sql`(select ${columns('i', more)} from request_item i where i.source_repository_id in (select s.id ${names})
    union select ${columns('i', more)} from request_item i where i.target_repository in (select s.name ${names}))`
}

/** Items whose source tag, or one of whose target tags, begins so. */
function tagged(beginning: string, more?: 'position'): Prisma.Sql {
  const within = (column: string) =>
    Prisma.sql`${Prisma.raw(column)} collate "C" >= ${beginning} and ${Prisma.raw(column)} collate "C" < ${beginning + ABOVE}`
  return Prisma.sql`(select ${columns('i', more)} from request_item i where ${within('i.source_tag')}
    union select ${columns('t', more)} from request_target t where ${within('t.tag')})`
}

/** Persons and robots with this in their names. */
function askedBy(part: string): Prisma.Sql {
  const name = part.replace(/^(?:user|robot):/, '').toLowerCase()
  return Prisma.sql`select d.person_id from identity d where not ${part.startsWith('robot:')} and strpos(lower(d.subject), ${name}) > 0
    union all select b.id from robot b where not ${part.startsWith('user:')} and strpos(lower(b.name), ${name}) > 0`
}
