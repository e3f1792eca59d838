import path from 'node:path'
import { client, type Name } from './client.ts'
import { pulledDigest, referrer } from './images.ts'

client('crane', ({ registry, username, layouts, run, fresh }) => {
  const crane = (...args: string[]) => run('crane', args)
  const push = async (layout: string, to: string): Promise<string> =>
    digestIn(await crane('push', path.join(layouts, layout), to))
  const pull = async (from: string): Promise<string> => {
    const layout = fresh('pulled')
    await crane('pull', '--format', 'oci', from, layout)
    return pulledDigest(layout)
  }
  const logIn = (secret: string) => crane('auth', 'login', registry, '-u', username, '-p', secret)
  return {
    version: () => crane('version'),
    signIn: logIn,
    // Its login writes the password down without trying it.
    tryPassword: async (secret) => {
      await logIn(secret)
      return crane('catalog', registry)
    },
    image: { push: ({ full }) => push('image', full), pull: ({ full }) => pull(full) },
    index: {
      push: async ({ place, full }) => {
        const child = await push('image', `${place}:child`)
        return digestIn(await crane('index', 'append', '-m', `${place}@${child}`, '-t', full))
      },
      pull: ({ full }) => pull(full),
    },
    referrers: {
      note: 'as a manifest of its own; it lists none',
      attach: ({ place }: Name) => push('referrer', `${place}@${referrer.digest}`),
      find: ({ place }, digest) => pull(`${place}@${digest}`),
    },
  }
})

/** The digest of `name@digest`, the last line that it writes. */
const digestIn = (output: string): string => output.slice(output.lastIndexOf('@') + 1)
