import fs from 'node:fs'
import path from 'node:path'
import { client, type Name } from './client.ts'
import { image, pulledDigest } from './images.ts'

client('cosign', ({ registry, username, home, layouts, run, fresh }) => {
  // No network beyond the registry: a key instead of an identity, and no transparency log.
  const env = { COSIGN_PASSWORD: '', TUF_ROOT: path.join(home, 'tuf') }
  const cosign = (...args: string[]) => run('cosign', args, { env })
  const here = '--allow-http-registry'
  const verified = ['--key', 'cosign.pub', '--insecure-ignore-tlog', here]
  const signed = ['--key', 'cosign.key', '--signing-config', 'signing-config.json', '--yes', here]

  /** Marks the layout as one of those that cosign saves and loads. */
  const mark = (layout: string, kind: string): void => {
    const file = path.join(layouts, layout, 'index.json')
    const { manifests, ...index } = JSON.parse(fs.readFileSync(file, 'utf8'))
    const annotations = { kind: `dev.cosignproject.cosign/${kind}` }
    fs.writeFileSync(file, JSON.stringify({ ...index, manifests: [{ ...manifests[0], annotations }] }))
  }
  const transfer = (layout: string) => ({
    push: async ({ full }: Name) => {
      await cosign('load', '--dir', path.join(layouts, layout), full, here)
      return pulledDigest(path.join(layouts, layout))
    },
    pull: async ({ full }: Name) => {
      const to = fresh('pulled')
      await cosign('save', '--dir', to, full, here)
      return pulledDigest(to)
    },
  })
  const logIn = (secret: string) => cosign('login', registry, '-u', username, '-p', secret)

  return {
    version: () => cosign('version'),
    start: async () => {
      mark('image', 'image')
      mark('index', 'imageIndex')
      await cosign('generate-key-pair')
      fs.writeFileSync(path.join(home, 'signing-config.json'), await cosign('signing-config', 'create'))
      fs.writeFileSync(path.join(home, 'predicate.json'), '{"tested":true}')
      return async () => {}
    },
    signIn: logIn,
    // Its login writes the password down without trying it.
    tryPassword: async (secret) => {
      await logIn(secret)
      return cosign('download', 'signature', `${registry}/dev/cosign/app@${image.digest}`, here)
    },
    image: transfer('image'),
    index: transfer('index'),
    referrers: {
      note: 'signs and attests with a key, and verifies',
      attach: async ({ full, place }, digest) => {
        const name = `${place}@${digest}`
        await cosign('sign', ...signed, name)
        await cosign('verify', ...verified, full)
        await cosign('attest', ...signed, '--type', 'custom', '--predicate', 'predicate.json', name)
        await cosign('verify-attestation', ...verified, '--type', 'custom', full)
        return digestOf(await cosign('tree', here, full))
      },
      find: ({ full }) => cosign('tree', here, full),
    },
  }
})

/** The first referrer in the tree of an image. */
const digestOf = (tree: string): string => /OCI referrer: \S+@(\S+)/.exec(tree)?.[1] ?? tree
