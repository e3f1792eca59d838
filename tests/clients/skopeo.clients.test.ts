import path from 'node:path'
import { client, type Name } from './client.ts'
import { pulledDigest, referrer } from './images.ts'

client('skopeo', ({ registry, username, home, layouts, run, fresh }) => {
  const env = { REGISTRY_AUTH_FILE: path.join(home, 'auth.json') }
  const skopeo = (...args: string[]) => run('skopeo', args, { env })
  const push = async (layout: string, to: string): Promise<string> => {
    // Without --preserve-digests it may take another compression of a layer that it remembers from elsewhere.
    const options = ['--all', '--preserve-digests', '--dest-tls-verify=false']
    await skopeo('copy', ...options, `oci:${layouts}/${layout}:v1`, `docker://${to}`)
    return pulledDigest(path.join(layouts, layout))
  }
  const pull = async (from: string): Promise<string> => {
    const layout = fresh('pulled')
    await skopeo('copy', '--all', '--src-tls-verify=false', `docker://${from}`, `oci:${layout}:v1`)
    return pulledDigest(layout)
  }
  const transfer = (layout: string) => ({
    push: (name: Name) => push(layout, name.full),
    pull: (name: Name) => pull(name.full),
  })
  return {
    version: () => skopeo('--version'),
    signIn: (secret) => skopeo('login', '--tls-verify=false', '-u', username, '-p', secret, registry),
    image: transfer('image'),
    index: transfer('index'),
    referrers: {
      note: 'as a manifest of its own; it lists none',
      attach: ({ place }) => push('referrer', `${place}@${referrer.digest}`),
      find: ({ place }, digest) => pull(`${place}@${digest}`),
    },
  }
})
