import { client, type Name } from './client.ts'
import { pulledDigest } from './images.ts'

client('regctl', ({ registry, username, layouts, run, fresh }) => {
  const regctl = (...args: string[]) => run('regctl', args)
  const transfer = (layout: string) => ({
    push: async ({ full }: Name) => {
      await regctl('image', 'copy', `ocidir://${layouts}/${layout}:v1`, full)
      return regctl('image', 'digest', full)
    },
    pull: async ({ full }: Name) => {
      const to = fresh('pulled')
      await regctl('image', 'copy', full, `ocidir://${to}:v1`)
      return pulledDigest(to)
    },
  })
  return {
    version: () => regctl('version'),
    start: async () => {
      await regctl('registry', 'set', registry, '--tls', 'disabled', '--skip-check')
      return async () => {}
    },
    signIn: (secret) =>
      run('regctl', ['registry', 'login', registry, '-u', username, '--pass-stdin'], { input: secret }),
    image: transfer('image'),
    index: transfer('index'),
    referrers: {
      attach: ({ full }) => {
        const types = ['--artifact-type', 'application/vnd.example.sbom', '--file-media-type', 'text/plain']
        const shown = ['--format', '{{ .Manifest.GetDescriptor.Digest }}']
        const input = 'what is inside\n'
        return run('regctl', ['artifact', 'put', ...types, ...shown, '--subject', full], { input })
      },
      find: ({ full }) => regctl('artifact', 'list', full, '--format', '{{ json . }}'),
    },
  }
})
