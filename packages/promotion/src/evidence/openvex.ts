import { VEX_STATUSES, type VexStatement, type VexSummary } from './evidence.ts'
import { digestsIn, type Fields, list, needed, record, text, time, unreadable } from './fields.ts'

const STATEMENTS_LIMIT = 10_000

export interface Vex {
  readonly summary: VexSummary
  readonly claimedAt: Date | null
}

/** OpenVEX v0.2 (and v0.0.1, whose names are plain text). @throws PromotionError invalid */
export function readOpenVex(document: Fields): Vex {
  const context = document['@context']
  if (typeof context !== 'string' || !context.startsWith('https://openvex.dev/ns')) {
    throw unreadable('this is no OpenVEX document')
  }
  // An empty list is what tools begin with: it says nothing.
  if (!Array.isArray(document['statements'])) throw unreadable('it has no statements')
  const statements = list(document['statements'], 'statements', STATEMENTS_LIMIT).map(readStatement)
  return {
    summary: { kind: 'vex', statements },
    claimedAt: time(document['last_updated']) ?? time(document['timestamp']),
  }
}

function readStatement(value: unknown, i: number): VexStatement {
  const statement = record(value)
  const status = VEX_STATUSES.find((known) => known === statement['status'])
  if (status === undefined) throw unreadable(`statements[${i}].status is none of ${VEX_STATUSES.join(', ')}`)
  const products = list(statement['products'], 'products', 1_000)
  const images = products.flatMap(imagesOf)
  return {
    vulnerabilities: namesOf(statement['vulnerability'], i),
    status,
    justification: text(statement['justification'], 64),
    images,
    elsewhere: products.length > 0 && images.length === 0,
    packages: products.flatMap((product) =>
      list(record(product)['subcomponents'], 'subcomponents', 1_000).map(packageName),
    ),
  }
}

function namesOf(value: unknown, i: number): string[] {
  if (typeof value === 'string') return [needed(value, `statements[${i}].vulnerability`, 64)]
  const { name, aliases } = record(value)
  return [
    needed(name, `statements[${i}].vulnerability.name`, 64),
    ...list(aliases, 'aliases', 100).flatMap((alias) => text(alias, 64) ?? []),
  ]
}

function imagesOf(value: unknown): string[] {
  if (typeof value === 'string') return digestsIn(value)
  const product = record(value)
  const hashes = record(product['hashes'])
  return [
    ...digestsIn(product['@id'], ...Object.values(record(product['identifiers']))),
    ...digestsIn(`sha256:${text(hashes['sha-256'], 64)}`, `sha512:${text(hashes['sha-512'], 128)}`),
  ]
}

/** The name within a purl, `pkg:type/namespace/name@version?qualifiers`; anything else as it is. */
function packageName(value: unknown): string {
  const id = typeof value === 'string' ? value : record(value)['@id']
  const purl = needed(id, 'subcomponents[].@id', 512)
  if (!purl.startsWith('pkg:')) return purl
  const path = purl.split(/[?#]/, 1)[0] ?? ''
  const named = path.slice(path.lastIndexOf('/') + 1)
  return named.split('@', 1)[0] ?? named
}
