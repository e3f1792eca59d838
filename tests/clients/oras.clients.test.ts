import fs from 'node:fs'
import path from 'node:path'
import { client, type Name } from './client.ts'
import { pulledDigest } from './images.ts'

client('oras', ({ registry, username, home, layouts, run, fresh }) => {
  const oras = (...args: string[]) => run('oras', args)
  const transfer = (layout: string) => ({
    push: async ({ full }: Name) =>
      digestIn(await oras('cp', '--from-oci-layout', `${layouts}/${layout}:v1`, '--to-plain-http', full)),
    pull: async ({ full }: Name) => {
      const to = fresh('pulled')
      await oras('cp', '--from-plain-http', full, '--to-oci-layout', `${to}:v1`)
      return pulledDigest(to)
    },
  })
  return {
    version: () => oras('version'),
    signIn: (secret) =>
      run('oras', ['login', '--plain-http', '-u', username, '--password-stdin', registry], { input: secret }),
    image: transfer('image'),
    index: transfer('index'),
    referrers: {
      attach: async ({ full }) => {
        fs.writeFileSync(path.join(home, 'sbom.txt'), 'what is inside\n')
        const type = ['--artifact-type', 'application/vnd.example.sbom']
        return digestIn(await oras('attach', '--plain-http', ...type, full, 'sbom.txt:text/plain'))
      },
      find: ({ full }) => oras('discover', '--plain-http', '--format', 'json', full),
    },
  }
})

const digestIn = (output: string): string => /^Digest: (\S+)$/m.exec(output)?.[1] ?? output
