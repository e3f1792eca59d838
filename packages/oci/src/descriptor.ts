import { digestOf } from './digest.ts'
import { OciError, quote } from './errors.ts'
import { parseDigest } from './grammar.ts'

/** Image specification, "Image Index Property Descriptions". Missing architecture or os reads as ''. */
export interface Platform {
  architecture: string
  os: string
  variant?: string
  'os.version'?: string
  'os.features'?: string[]
}

/** A typed, sized link to content. Image specification, "OCI Content Descriptors". */
export interface Descriptor {
  mediaType: string
  digest: string
  /** Bytes. */
  size: number
  urls?: string[]
  annotations?: Record<string, string>
  /** The content itself in base64; it was compared with digest and size. */
  data?: string
  platform?: Platform
  artifactType?: string
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar'
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd'
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json'
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip'

/** Layer types whose bytes may be left at the vendor's. Image specification, "Non-Distributable Layers". */
export const NON_DISTRIBUTABLE_LAYERS: readonly string[] = [
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.foreign.diff.tar',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
]

/** The media types a registry of ours stores as manifests. */
export const MANIFEST_TYPES: readonly string[] = [
  OCI_MANIFEST,
  OCI_INDEX,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
]

export type JsonObject = Record<string, unknown>

const DESCRIPTOR_FIELDS = fieldNames([
  'mediaType',
  'digest',
  'size',
  'urls',
  'annotations',
  'data',
  'platform',
  'artifactType',
])
const PLATFORM_FIELDS = fieldNames(['architecture', 'os', 'variant', 'os.version', 'os.features'])

/**
 * Checks one descriptor of a manifest; `where` names it in messages, as `layers[3]`.
 * @throws OciError MANIFEST_INVALID, DIGEST_INVALID, DIGEST_UNSUPPORTED, SIZE_INVALID
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  const object = asObject(value, where)
  refuseLookalikes(object, DESCRIPTOR_FIELDS, where)
  const { size, digest } = object
  if (typeof digest !== 'string') throw invalid(`${where}.digest`, 'a digest')
  try {
    parseDigest(digest)
  } catch (cause) {
    if (cause instanceof OciError)
      throw new OciError(cause.code, `${where}.digest: ${cause.message}`, { cause })
    throw cause
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new OciError('SIZE_INVALID', `${where}.size must be a whole number of bytes from 0 to 2^53-1`)
  }
  const urls = asStrings(object.urls, `${where}.urls`)
  const annotations = asAnnotations(object.annotations, `${where}.annotations`)
  const data = asText(object.data, `${where}.data`)
  if (data !== undefined) checkData(data, digest, size, where)
  const platform = asPlatform(object.platform, `${where}.platform`)
  const artifactType = asMediaType(object.artifactType, `${where}.artifactType`)
  return {
    mediaType:
      asMediaType(object.mediaType, `${where}.mediaType`) ?? refuse(`${where}.mediaType`, 'a media type'),
    digest,
    size: size + 0, // -0 becomes 0
    ...(urls && { urls }),
    ...(annotations && { annotations }),
    ...(data !== undefined && { data }),
    ...(platform && { platform }),
    ...(artifactType !== undefined && { artifactType }),
  }
}

/** A client may use `data` instead of fetching the digest, so the two must be the same content. */
function checkData(data: string, digest: string, size: number, where: string): void {
  const content = Buffer.from(data, 'base64')
  if (content.length === size && digestOf(content, parseDigest(digest).algorithm) === digest) return
  throw invalid(`${where}.data`, `the base64 of the ${size} bytes that ${digest} names, or absent`)
}

function asPlatform(value: unknown, where: string): Platform | undefined {
  if (value === undefined || value === null) return undefined
  const object = asObject(value, where)
  refuseLookalikes(object, PLATFORM_FIELDS, where)
  const variant = asText(object.variant, `${where}.variant`)
  const version = asText(object['os.version'], `${where}.os.version`)
  const features = asStrings(object['os.features'], `${where}.os.features`)
  return {
    architecture: asText(object.architecture, `${where}.architecture`) ?? '',
    os: asText(object.os, `${where}.os`) ?? '',
    ...(variant !== undefined && { variant }),
    ...(version !== undefined && { 'os.version': version }),
    ...(features && { 'os.features': features }),
  }
}

export function asObject(value: unknown, where: string): JsonObject {
  if (!isObject(value)) throw invalid(where, 'an object')
  return value
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A map of strings to strings. Image specification, "Annotations". Absent and null are the same, as in Go. */
export function asAnnotations(value: unknown, where: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined
  const entries = Object.entries(asObject(value, where)).map(([key, text]) => {
    asText(key, where)
    return [key, asText(text, `${where}[${quote(key)}]`) ?? refuse(`${where}[${quote(key)}]`, 'a string')]
  })
  return Object.fromEntries(entries)
}

/** A media type: printable ASCII with a slash, at most 255 characters. Absent, null and '' are the same. */
export function asMediaType(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (
    typeof value === 'string' &&
    value.length <= 255 &&
    value.includes('/') &&
    /^[\x20-\x7e]+$/.test(value)
  ) {
    return value
  }
  throw invalid(where, 'a media type such as "application/json"')
}

/** Text a database can hold: no NUL, no half of a surrogate pair. */
function asText(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(where, 'a string')
  if (/[\0\ud800-\udfff]/u.test(value)) throw invalid(where, 'text without NUL and lone surrogates')
  return value
}

function asStrings(value: unknown, where: string): string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw invalid(where, 'a list of strings')
  return value.map((item, i) => asText(item, `${where}[${i}]`) ?? refuse(`${where}[${i}]`, 'a string'))
}

/** Known fields by their folded names. */
export function fieldNames(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [fold(name), name]))
}

/**
 * Refuses `Layers` beside or instead of `layers`: Go's clients match field names without regard to
 * case, so such a document would be one thing to us and another to them.
 */
export function refuseLookalikes(
  object: JsonObject,
  fields: ReadonlyMap<string, string>,
  where: string,
): void {
  for (const key of Object.keys(object)) {
    const field = fields.get(fold(key))
    if (field !== undefined && field !== key) {
      throw new OciError(
        'MANIFEST_INVALID',
        `${where}: the field ${quote(key)} must be written ${quote(field)}`,
      )
    }
  }
}

// Up, then down: U+017F becomes s and U+212A becomes k, as in Go's folding.
function fold(key: string): string {
  return key.toUpperCase().toLowerCase()
}

export function invalid(where: string, expected: string): OciError {
  return new OciError('MANIFEST_INVALID', `${where} must be ${expected}`)
}

function refuse(where: string, expected: string): never {
  throw invalid(where, expected)
}
