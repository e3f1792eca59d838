/** What a runtime says it runs. */
export type RunningImage = { readonly digest: string; readonly image?: string }

export type ReadImages = {
  /** Distinct. */
  readonly items: readonly RunningImage[]
  /** Lines that name an image and no digest: its container has not started. */
  readonly without: number
}

const DIGEST = /(?:^|[^0-9A-Za-z])(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(?![0-9A-Za-z])/

/**
 * Reads what kubectl, docker, podman or crictl print of running containers: on each line an image id with a digest in
 * it, as `docker-pullable://host/repo@sha256:…`, `host/repo@sha256:…` or `sha256:…`, and beside it, if it is there, the
 * reference that the container was started by.
 */
export function readImages(text: string): ReadImages {
  const items = new Map<string, RunningImage>()
  let without = 0
  for (const line of text.split(/\r?\n/)) {
    const words = line
      .split(/[\s,"']+/)
      .map((word) => word.replace(/^[a-z-]+:\/\//, ''))
      .filter((word) => word !== '')
    if (words.length === 0) continue
    // The reference may itself be by digest: the image id is what the runtime runs, and comes last.
    const ids = words.filter((word) => DIGEST.test(word))
    const id = ids.at(-1)
    const digest = id === undefined ? undefined : DIGEST.exec(id)?.[1]
    if (id === undefined || digest === undefined) {
      without++
      continue
    }
    const image =
      words.find((word) => word !== id && looksLikeReference(word)) ?? (id === digest ? undefined : id)
    items.set(`${digest} ${image ?? ''}`, { digest, ...(image !== undefined && { image }) })
  }
  return { items: [...items.values()], without }
}

const looksLikeReference = (word: string): boolean =>
  /^[\x21-\x7e]{1,512}$/.test(word) && /[a-z0-9]/i.test(word)
