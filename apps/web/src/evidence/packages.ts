import { isObject, type Json } from '../json.ts'

/** Versions of each package that an SBOM lists. */
export type Packages = ReadonlyMap<string, string>

const LIMIT = 100_000

/**
 * CycloneDX or SPDX in JSON, alone or as the predicate of a signed statement (DSSE envelope, Sigstore
 * bundle). Null: it is none of these.
 */
export function readPackages(content: string): Packages | null {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch {
    return null
  }
  return isObject(value) ? packagesOf(value) : null
}

function packagesOf(document: Json): Packages | null {
  const { components, packages, predicate, payload, dsseEnvelope } = document
  if (isObject(dsseEnvelope)) return packagesOf(dsseEnvelope)
  if (typeof payload === 'string') return readPackages(fromBase64(payload))
  if (isObject(predicate)) return packagesOf(predicate)
  if (Array.isArray(components)) return listed(components, 'name', 'version')
  if (Array.isArray(packages)) return listed(packages, 'name', 'versionInfo')
  return null
}

function fromBase64(payload: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(payload), (char) => char.charCodeAt(0)))
  } catch {
    return ''
  }
}

function listed(items: readonly unknown[], nameField: string, versionField: string): Packages {
  const versions = new Map<string, Set<string>>()
  for (const item of items.slice(0, LIMIT)) {
    if (!isObject(item)) continue
    const { [nameField]: name, [versionField]: version, group } = item
    if (typeof name !== 'string') continue
    const full = typeof group === 'string' && group !== '' ? `${group}/${name}` : name
    const known = versions.get(full) ?? new Set()
    known.add(typeof version === 'string' ? version : '')
    versions.set(full, known)
  }
  // A package may be there in several versions: the name stands once.
  return new Map([...versions].map(([name, all]) => [name, [...all].sort().join(', ')]))
}

/** For the comparison by name that configuration and labels have too. */
export function asTexts(packages: Packages): Record<string, string> {
  return Object.fromEntries(packages)
}
