import { createHash } from 'node:crypto'
import {
  type Certified,
  certifiedBy,
  matchesTag,
  type Policy,
  PromotionError,
  readTrustedRoot,
} from '@sluice/promotion'
import type { SignedRow, Signers } from './signers.ts'

export interface CertifiedRow extends SignedRow {
  readonly bytes: Uint8Array
}

/** What a bundle's certificate says under one root; a text: why it is not accepted; null: there is none. */
type Said = Certified | string | null

/** Bundles and roots never change, so an answer stays right for ever. */
const known = new Map<string, Said>()
const KNOWN_LIMIT = 100_000

/** The identities of a lane, and the roots that they are certified by. */
export class Certifiers {
  private readonly identities: readonly (readonly [string, NonNullable<Policy['identities']>[string]])[]
  private readonly roots: readonly { readonly name: string; readonly json: string; readonly id: string }[]

  constructor(roots: NonNullable<Policy['roots']>, identities: NonNullable<Policy['identities']>) {
    this.identities = Object.entries(identities)
    const used = new Set(this.identities.map(([, { root }]) => root))
    this.roots = Object.entries(roots)
      .filter(([name]) => used.has(name))
      .map(([name, json]) => ({ name, json, id: createHash('sha256').update(json).digest('hex') }))
  }

  /** Is there something yet to be learned of it? Only bundles carry certificates that are read. */
  open(row: SignedRow): boolean {
    return row.format === 'bundle' && this.roots.some(({ id }) => !known.has(`${row.sha256} ${id}`))
  }

  /** @param artifact the manifest, where the signature is of it and not of an envelope */
  learn(row: CertifiedRow, artifact: Uint8Array | null): void {
    if (row.format !== 'bundle') return
    for (const { json, id } of this.roots) {
      if (known.size >= KNOWN_LIMIT) known.clear()
      known.set(`${row.sha256} ${id}`, said(row.bytes, artifact, json))
    }
  }

  /** What is known of it. */
  of({ sha256, format }: SignedRow): Signers {
    if (format !== 'bundle') return { from: [], unproven: [] }
    const all = this.roots.map(({ name, id }) => ({ root: name, said: known.get(`${sha256} ${id}`) ?? null }))
    const from = this.identities.flatMap(([name, { root, issuer, subject }]) => {
      const found = all.find((each) => each.root === root)?.said ?? null
      if (found === null || typeof found === 'string') return []
      return found.issuer === issuer && matchesTag(subject, found.subject) ? [`identity:${name}`] : []
    })
    return {
      from,
      unproven: from.length > 0 ? [] : all.flatMap(({ root, said: why }) => unproven(root, why)),
    }
  }
}

function said(bytes: Uint8Array, artifact: Uint8Array | null, root: string): Said {
  try {
    return certifiedBy(bytes, artifact, readTrustedRoot(root))
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    return error.issues[0]?.message ?? error.message
  }
}

function unproven(root: string, why: Said): string[] {
  if (why === null) return []
  if (typeof why === 'string') return [`by the root ${root}: ${why}`]
  return [
    `it is signed by ${why.subject}, whom ${why.issuer} signed in, and that is no identity of this lane`,
  ]
}
