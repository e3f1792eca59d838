import fs from 'node:fs'
import path from 'node:path'
import type { LayoutImage } from '@sluice/testkit'
import { client, type Name } from './client.ts'
import { image, index, referrer, sha256 } from './images.ts'

client('curl', ({ url, username, home, run, fresh }) => {
  const config = path.join(home, 'curlrc')
  const curl = (...args: string[]) => run('curl', ['--config', config, ...args])
  /** curl keeps no session: the name and password are in a file, and an error document is shown. */
  const logIn = (secret: string) => {
    fs.writeFileSync(config, `silent\nshow-error\nfail-with-body\nuser = "${username}:${secret}"\n`)
    return curl(`${url}/v2/`)
  }
  const at = ({ feed, repository }: Name) => `${url}/v2/${feed}/${repository}`
  const fileOf = (bytes: Buffer): string => {
    const file = path.join(home, 'sent')
    fs.writeFileSync(file, bytes)
    return file
  }

  async function pushBlob(name: Name, digest: string, bytes: Buffer): Promise<void> {
    const opened = await curl('--request', 'POST', '--dump-header', '-', `${at(name)}/blobs/uploads/`)
    const location = new URL(/^location: (\S+)/im.exec(opened)?.[1] ?? '', url)
    location.searchParams.set('digest', digest)
    await curl('--upload-file', fileOf(bytes), location.href)
  }

  async function pushManifest(name: Name, reference: string, manifest: Buffer): Promise<void> {
    const type = `Content-Type: ${JSON.parse(manifest.toString()).mediaType}`
    await curl('--upload-file', fileOf(manifest), '--header', type, `${at(name)}/manifests/${reference}`)
  }

  async function push(name: Name, reference: string, content: LayoutImage): Promise<string> {
    const { manifests = [] } = JSON.parse(content.manifest.toString())
    const isChild = (digest: string) => manifests.some((child: { digest: string }) => child.digest === digest)
    for (const { digest, bytes } of content.blobs) if (!isChild(digest)) await pushBlob(name, digest, bytes)
    for (const { digest, bytes } of content.blobs)
      if (isChild(digest)) await pushManifest(name, digest, bytes)
    await pushManifest(name, reference, content.manifest)
    return content.digest
  }

  async function get(route: string): Promise<Buffer> {
    const file = fresh('pulled')
    await curl('--header', 'Accept: */*', '--output', file, route)
    return fs.readFileSync(file)
  }

  async function pull(name: Name, reference: string): Promise<string> {
    const manifest = await get(`${at(name)}/manifests/${reference}`)
    const { config, layers = [], manifests = [] } = JSON.parse(manifest.toString())
    for (const { digest } of manifests) expectSame(await pull(name, digest), digest)
    for (const link of [config, ...layers]) {
      if (link) expectSame(sha256(await get(`${at(name)}/blobs/${link.digest}`)), link.digest)
    }
    return sha256(manifest)
  }

  const transfer = (content: LayoutImage) => ({
    push: (name: Name) => push(name, name.tag, content),
    pull: (name: Name) => pull(name, name.tag),
  })
  return {
    version: () => run('curl', ['--version']),
    signIn: logIn,
    image: transfer(image),
    index: transfer(index),
    referrers: {
      attach: (name) => push(name, referrer.digest, referrer),
      find: (name) => curl(`${at(name)}/referrers/${image.digest}`),
    },
  }
})

function expectSame(actual: string, wanted: string): void {
  if (actual !== wanted) throw new Error(`asked for ${wanted}, got ${actual}`)
}
