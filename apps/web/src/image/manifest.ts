import { isObject } from '../json.ts'

/** Image and index manifests as the OCI image specification has them, read tolerantly: a screen shows what is there. */
export type Descriptor = {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  /** `linux/arm64/v8`; of an index's entries only. */
  readonly platform: string | null
  /** Of a list of referrers: what each one is. */
  readonly artifactType: string | null
}

export type Manifest =
  | { readonly kind: 'index'; readonly entries: readonly Descriptor[]; readonly annotations: Texts }
  | {
      readonly kind: 'image'
      readonly config: Descriptor | null
      readonly layers: readonly Descriptor[]
      readonly artifactType: string | null
      readonly annotations: Texts
    }

export type Texts = Readonly<Record<string, string>>
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

export function texts(value: unknown): Texts {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** @throws SyntaxError when it is neither an image nor an index manifest */
export function readManifest(source: string): Manifest {
  const value: unknown = JSON.parse(source)
  if (!isObject(value)) throw new SyntaxError('the manifest is no JSON object')
  const annotations = texts(value['annotations'])
  if (Array.isArray(value['manifests'])) {
    return {
      kind: 'index',
      entries: value['manifests'].flatMap((entry) => readDescriptor(entry) ?? []),
      annotations,
    }
  }
  if (!Array.isArray(value['layers'])) throw new SyntaxError('the manifest has neither layers nor manifests')
  return {
    kind: 'image',
    config: readDescriptor(value['config']),
    layers: value['layers'].flatMap((layer) => readDescriptor(layer) ?? []),
    artifactType: text(value['artifactType']),
    annotations,
  }
}

function readDescriptor(value: unknown): Descriptor | null {
  if (!isObject(value)) return null
  const { mediaType, digest, size, platform, artifactType } = value
  if (typeof digest !== 'string' || typeof size !== 'number') return null
  return {
    mediaType: text(mediaType) ?? 'unknown',
    digest,
    size,
    platform: readPlatform(platform),
    artifactType: text(artifactType),
  }
}

function readPlatform(value: unknown): string | null {
  if (!isObject(value)) return null
  const parts = [value['os'], value['architecture'], value['variant']].filter((part) => text(part) !== null)
  return parts.length === 0 ? null : parts.join('/')
}

/** What an image's config says about how it runs, in the words of the OCI image specification. */
export type ImageConfig = {
  /** Short settings, by the name a person knows: Entrypoint, Command, User … */
  readonly settings: Texts
  readonly env: Texts
  readonly labels: Texts
  readonly created: string | null
  readonly platform: string | null
}

/** @throws SyntaxError when it is no JSON object */
export function readConfig(source: string): ImageConfig {
  const value: unknown = JSON.parse(source)
  if (!isObject(value)) throw new SyntaxError('the config is no JSON object')
  const config = isObject(value['config']) ? value['config'] : {}
  const words = (name: string) => list(config[name]).map(String).map(quoted).join(' ')
  const keys = (name: string) =>
    Object.keys(isObject(config[name]) ? config[name] : {})
      .sort()
      .join(', ')
  const settings = {
    Entrypoint: words('Entrypoint'),
    Command: words('Cmd'),
    User: text(config['User']) ?? '',
    'Working directory': text(config['WorkingDir']) ?? '',
    'Exposed ports': keys('ExposedPorts'),
    Volumes: keys('Volumes'),
    'Stop signal': text(config['StopSignal']) ?? '',
  }
  const env = list(config['Env'])
    .map(String)
    .map((entry) => {
      const equals = entry.indexOf('=')
      return equals < 0
        ? ([entry, ''] as const)
        : ([entry.slice(0, equals), entry.slice(equals + 1)] as const)
    })
  return {
    settings: Object.fromEntries(Object.entries(settings).filter(([, said]) => said !== '')),
    env: Object.fromEntries(env),
    labels: texts(config['Labels']),
    created: text(value['created']),
    platform: readPlatform(value),
  }
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))
