import {
  asAnnotations,
  asMediaType,
  asObject,
  type Descriptor,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  fieldNames,
  invalid,
  type JsonObject,
  MANIFEST_TYPES,
  NON_DISTRIBUTABLE_LAYERS,
  OCI_INDEX,
  OCI_MANIFEST,
  parseDescriptor,
  refuseLookalikes,
} from './descriptor.ts'
import { OciError, quote } from './errors.ts'
import { parseJson } from './json.ts'

/** Bytes. The Distribution specification expects registries to take at least 4 MB. */
export const MANIFEST_LIMIT = 4 * 1024 * 1024

/** A manifest or index as pushed: `bytes` are the truth, the rest is read from them. */
export interface Manifest {
  /** Without parameters. */
  mediaType: string
  kind: 'manifest' | 'index'
  bytes: Uint8Array
  /** Bytes. */
  size: number
  /** Null for an index. */
  config: Descriptor | null
  layers: Descriptor[]
  manifests: Descriptor[]
  subject: Descriptor | null
  /** As the referrers list shows it: the manifest's own, else the config's media type; an index may have none. */
  artifactType: string | undefined
  annotations: Record<string, string>
}

const FIELDS = fieldNames([
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'subject',
  'annotations',
  'fsLayers',
])

/**
 * Reads a manifest from its exact bytes. Image specification, "Image Manifest" and "Image Index";
 * Docker's schema 2 manifest and manifest list. Unknown fields are accepted; a document that one
 * client could read as another thing than the next is not: repeated or differently spelt keys,
 * a `mediaType` unlike the Content-Type, the fields of a manifest and of an index together.
 * @param contentType the header as sent; parameters are ignored
 * @throws OciError TOO_LARGE, MEDIA_TYPE_UNSUPPORTED, MANIFEST_INVALID, DIGEST_INVALID,
 *   DIGEST_UNSUPPORTED, SIZE_INVALID; nothing else, whatever the bytes
 */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest {
  if (bytes.length > MANIFEST_LIMIT) {
    throw new OciError(
      'TOO_LARGE',
      `the manifest has ${bytes.length} bytes; at most ${MANIFEST_LIMIT} are accepted`,
    )
  }
  const mediaType = supportedType(contentType)
  const document = asObject(parseJson(bytes), 'the manifest')
  refuseLookalikes(document, FIELDS, 'the manifest')
  if (document.schemaVersion !== 2) throw invalid('schemaVersion', '2')
  const declared = document.mediaType ?? null
  if (declared !== null && declared !== mediaType) {
    throw new OciError(
      'MANIFEST_INVALID',
      `the field mediaType must be the Content-Type ${quote(mediaType)}${typeof declared === 'string' ? `, not ${quote(declared)}` : ''}`,
    )
  }
  const isIndex = mediaType === OCI_INDEX || mediaType === DOCKER_MANIFEST_LIST
  const read = isIndex ? readIndex(document) : readManifest(document)
  return { mediaType, bytes, size: bytes.length, ...read, ...readOciFields(document, mediaType, read.config) }
}

function supportedType(contentType: string): string {
  const end = contentType.indexOf(';')
  const mediaType = (end < 0 ? contentType : contentType.slice(0, end)).trim()
  if (MANIFEST_TYPES.includes(mediaType)) return mediaType
  const schema1 = mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED
  throw new OciError(
    'MEDIA_TYPE_UNSUPPORTED',
    schema1
      ? 'Docker schema 1 manifests are not accepted; push the image again with a current client'
      : `the Content-Type ${quote(mediaType)} is not a manifest type; supported are ${MANIFEST_TYPES.join(', ')}`,
  )
}

function readManifest(document: JsonObject) {
  refuseFields(document, ['manifests', 'fsLayers'], 'manifest')
  const config = parseDescriptor(document.config, 'config')
  const layers = descriptors(document.layers, 'layers')
  return { kind: 'manifest' as const, config, layers, manifests: [] }
}

function readIndex(document: JsonObject) {
  refuseFields(document, ['config', 'layers', 'fsLayers'], 'index')
  return {
    kind: 'index' as const,
    config: null,
    layers: [],
    manifests: descriptors(document.manifests, 'manifests'),
  }
}

/** The fields that OCI has and Docker's types do not; in those they are unknown fields. */
function readOciFields(document: JsonObject, mediaType: string, config: Descriptor | null) {
  if (mediaType !== OCI_MANIFEST && mediaType !== OCI_INDEX) {
    return { subject: null, artifactType: config?.mediaType, annotations: {} }
  }
  const { subject } = document
  return {
    subject: subject === undefined || subject === null ? null : parseDescriptor(subject, 'subject'),
    artifactType: asMediaType(document.artifactType, 'artifactType') ?? config?.mediaType,
    annotations: asAnnotations(document.annotations, 'annotations') ?? {},
  }
}

function refuseFields(document: JsonObject, fields: readonly string[], kind: string): void {
  const field = fields.find((name) => Object.hasOwn(document, name))
  if (field !== undefined) {
    throw new OciError(
      'MANIFEST_INVALID',
      `the field ${quote(field)} does not belong in a document of kind ${kind}`,
    )
  }
}

/** A list of descriptors; null is the empty list, as Go's clients write it. */
function descriptors(value: unknown, where: string): Descriptor[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw invalid(where, 'a list of descriptors')
  return value.map((item, i) => parseDescriptor(item, `${where}[${i}]`))
}

/** One link from a manifest. */
export interface Edge {
  kind: 'config' | 'layer' | 'manifest' | 'subject'
  descriptor: Descriptor
  /** False for foreign layers, whose bytes may be absent. */
  distributable: boolean
}

/**
 * The links of a manifest in the order config, layers, manifests, subject. All but the subject and
 * what is not distributable must exist. An index entry whose type is not a manifest type is a blob
 * (build caches are stored like that) and comes as `layer`.
 */
export function successors(manifest: Manifest): Edge[] {
  const edges: Edge[] = []
  if (manifest.config) edges.push({ kind: 'config', descriptor: manifest.config, distributable: true })
  for (const descriptor of [...manifest.layers, ...manifest.manifests]) {
    const isManifest = manifest.kind === 'index' && MANIFEST_TYPES.includes(descriptor.mediaType)
    edges.push({
      kind: isManifest ? 'manifest' : 'layer',
      descriptor,
      distributable: !NON_DISTRIBUTABLE_LAYERS.includes(descriptor.mediaType),
    })
  }
  if (manifest.subject) edges.push({ kind: 'subject', descriptor: manifest.subject, distributable: true })
  return edges
}
