import fs from 'node:fs'
import path from 'node:path'
import { client, type Name } from './client.ts'
import { startDaemon } from './daemon.ts'
import { referrer } from './images.ts'

client('containerd', ({ registry, username, home, layouts, run }) => {
  const socket = path.join(home, 'containerd.sock')
  const ctr = (...args: string[]) => run('ctr', ['--address', socket, ...args])
  let password = ''
  const here = (): string[] => ['--plain-http', '--user', `${username}:${password}`]

  /** The digest of what the store holds under a name. */
  const digestOf = async (name: string): Promise<string> => {
    const rows = (await ctr('images', 'ls', `name==${name}`)).split('\n')
    return /sha256:\w{64}/.exec(rows.find((row) => row.startsWith(`${name} `)) ?? '')?.[0] ?? rows.join('\n')
  }
  const push = async (layout: string, to: string): Promise<string> => {
    const archive = path.join(home, `${layout}.tar`)
    await run('tar', ['-C', path.join(layouts, layout), '-cf', archive, '.'])
    const local = `localhost/${layout}`
    await ctr('images', 'import', '--no-unpack', '--all-platforms', '--base-name', local, archive)
    await ctr('images', 'push', ...here(), to, `${local}:v1`)
    return digestOf(`${local}:v1`)
  }
  /** Empties the store, its content too. */
  const empty = async (): Promise<void> => {
    const present = (await ctr('images', 'ls', '--quiet')).split('\n').filter((row) => row !== '')
    if (present.length > 0) await ctr('images', 'rm', '--sync', ...present)
  }
  const pull = async (name: string): Promise<string> => {
    await empty()
    await ctr('images', 'pull', ...here(), '--snapshotter', 'native', '--all-platforms', name)
    return digestOf(name)
  }
  const transfer = (layout: string) => ({
    push: ({ full }: Name) => push(layout, full),
    pull: ({ full }: Name) => pull(full),
  })
  return {
    version: () => ctr('version'),
    start: () => {
      const config = path.join(home, 'config.toml')
      fs.writeFileSync(
        config,
        `version = 2
root = "${home}/root"
state = "${home}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
      )
      const log = path.join(home, 'containerd.log')
      return startDaemon('containerd', ['--config', config], { log, ready: () => ctr('version') })
    },
    // There is no signing in: a name and a password go with each command.
    signIn: async (secret) => void (password = secret),
    tryPassword: (secret) => {
      password = secret
      return push('image', `${registry}/dev/containerd/app:1.0.0`)
    },
    image: transfer('image'),
    index: transfer('index'),
    referrers: {
      note: 'as a manifest of its own; it lists none',
      attach: ({ place }) => push('referrer', `${place}@${referrer.digest}`),
      find: async ({ place }, digest) => {
        await empty()
        await ctr('content', 'fetch', ...here(), `${place}@${digest}`)
        return digestOf(`${place}@${digest}`)
      },
    },
    refusal: /403 Forbidden/,
  }
})
