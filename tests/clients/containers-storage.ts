import fs from 'node:fs'
import path from 'node:path'
import type { Name, OutsideClient, Surroundings } from './client.ts'

type Build = (run: (...args: string[]) => Promise<string>, name: string) => Promise<unknown>

/** podman and buildah: a store of images of their own, and the same commands over it. `build` makes an image. */
export function containersStorage(program: string, at: Surroundings, build: Build): OutsideClient {
  const { registry, username, home, layouts } = at
  const env = { REGISTRY_AUTH_FILE: path.join(home, 'auth.json') }
  // No overlay and no cgroups: the tests run in a container too.
  const store = [
    '--root',
    path.join(home, 'store'),
    '--runroot',
    path.join(home, 'run'),
    '--storage-driver',
    'vfs',
  ]
  const here = '--tls-verify=false'
  const command = (...args: string[]) => at.run(program, [...store, ...args], { env })
  const digests = path.join(home, 'digest')

  const pull = async ({ full }: Name, ...platform: string[]): Promise<string> => {
    await command('rmi', '--all', '--force')
    await command('pull', here, ...platform, full)
    return command('images', '--format', '{{.Digest}}', full)
  }
  return {
    version: () => command('--version'),
    signIn: (secret) => command('login', here, '-u', username, '-p', secret, registry),
    image: {
      push: async ({ full }) => {
        await build(command, 'localhost/built:1')
        await command('push', here, '--digestfile', digests, 'localhost/built:1', `docker://${full}`)
        return fs.readFileSync(digests, 'utf8')
      },
      pull: (name) => pull(name),
    },
    index: {
      push: async ({ full, feed }) => {
        const list = `localhost/list-${feed}`
        await command('manifest', 'create', list)
        await command('manifest', 'add', '--all', list, `oci:${layouts}/index:v1`)
        await command('manifest', 'push', '--all', here, '--digestfile', digests, list, `docker://${full}`)
        return fs.readFileSync(digests, 'utf8')
      },
      pull: (name) => pull(name, '--arch', 'arm64'),
    },
    referrers: 'no command for it',
  }
}
