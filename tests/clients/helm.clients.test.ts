import fs from 'node:fs'
import path from 'node:path'
import { client } from './client.ts'
import { sha256 } from './images.ts'

client('helm', ({ registry, username, home, run, fresh }) => {
  const helm = (...args: string[]) => run('helm', args)
  /** The hashes of the packages by tag: packing a chart again gives other bytes. */
  const packages = new Map<string, string>()
  return {
    version: () => helm('version', '--short'),
    signIn: (secret) =>
      run('helm', ['registry', 'login', '--plain-http', '-u', username, '--password-stdin', registry], {
        input: secret,
      }),
    image: {
      push: async ({ feed, repository, tag }) => {
        const chart = path.posix.basename(repository)
        const file = `${chart}-${tag}.tgz`
        if (!packages.has(tag)) {
          await helm('create', chart)
          await helm('package', chart, '--version', tag)
          packages.set(tag, sha256(fs.readFileSync(path.join(home, file))))
        }
        const to = `oci://${registry}/${feed}/${path.posix.dirname(repository)}`
        return digestIn(await helm('push', '--plain-http', file, to))
      },
      pull: async ({ place, repository, tag }) => {
        const folder = path.dirname(fresh('pulled'))
        const output = await helm('pull', '--plain-http', `oci://${place}`, '--version', tag, '-d', folder)
        const file = path.join(folder, `${path.posix.basename(repository)}-${tag}.tgz`)
        if (sha256(fs.readFileSync(file)) !== packages.get(tag)) return 'another chart'
        return digestIn(output)
      },
    },
    index: 'charts have no platforms',
    referrers: 'provenance travels as a layer of the chart',
  }
})

const digestIn = (output: string): string => /^Digest: (\S+)$/m.exec(output)?.[1] ?? output
