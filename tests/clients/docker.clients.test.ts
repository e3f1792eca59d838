import fs from 'node:fs'
import path from 'node:path'
import { client, type Name } from './client.ts'
import { startDaemon } from './daemon.ts'
import { layer } from './images.ts'

client('docker', ({ registry, username, home, run }) => {
  const socket = `unix://${home}/docker.sock`
  const docker = (...args: string[]) => run('docker', ['--host', socket, ...args])
  const archive = path.join(home, 'layer.tar.gz')

  const push = async (name: string): Promise<string> => {
    await docker('import', archive, name)
    return digestIn(await docker('push', name))
  }
  const pull = async ({ full }: Name, ...platform: string[]): Promise<string> => {
    const present = (await docker('images', '--quiet')).split('\n').filter((id) => id !== '')
    if (present.length > 0) await docker('rmi', '--force', ...new Set(present))
    return digestIn(await docker('pull', ...platform, full))
  }
  return {
    version: () => docker('version', '--format', '{{.Server.Version}}'),
    start: () => {
      fs.writeFileSync(archive, layer)
      // No network of its own and no overlay: the tests run in a container too.
      const bare = ['--storage-driver=vfs', '--iptables=false', '--ip6tables=false', '--bridge=none']
      const folders = [
        '--data-root',
        `${home}/data`,
        '--exec-root',
        `${home}/exec`,
        '--pidfile',
        `${home}/pid`,
      ]
      return startDaemon('dockerd', [...bare, ...folders, '--host', socket], {
        log: path.join(home, 'dockerd.log'),
        ready: () => docker('version'),
      })
    },
    signIn: (secret) =>
      run('docker', ['--host', socket, 'login', '-u', username, '--password-stdin', registry], {
        input: secret,
      }),
    image: { push: ({ full }) => push(full), pull: (name) => pull(name) },
    index: {
      push: async ({ full, place }) => {
        const children = [`${place}:amd64`, `${place}:arm64`]
        for (const child of children) await push(child)
        await docker('manifest', 'create', '--insecure', full, ...children)
        await docker('manifest', 'annotate', '--arch', 'arm64', full, `${place}:arm64`)
        return (await docker('manifest', 'push', '--insecure', full)).split('\n').at(-1) ?? ''
      },
      pull: (name) => pull(name, '--platform', 'linux/arm64'),
    },
    referrers: 'no command for it',
  }
})

const digestIn = (output: string): string => /digest: (sha256:\w+)/i.exec(output)?.[1] ?? output
