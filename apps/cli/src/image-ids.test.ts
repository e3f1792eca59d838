import { expect, test } from 'vitest'
import { readImages } from './image-ids.ts'

const hex = 'a'.repeat(64)
const digest = `sha256:${hex}`
const other = `sha256:${'b'.repeat(64)}`
const long = `sha512:${'c'.repeat(128)}`

test.each([
  [
    'docker’s shim',
    `docker-pullable://host:5000/dev/app@${digest}`,
    { digest, image: `host:5000/dev/app@${digest}` },
  ],
  ['containerd', `host/dev/app@${digest}`, { digest, image: `host/dev/app@${digest}` }],
  ['a bare digest', digest, { digest }],
  ['a config, which docker calls the image', `docker://${digest}`, { digest }],
  ['sha512', `host/app@${long}`, { digest: long, image: `host/app@${long}` }],
  ['the reference before it', `host/app:1.0\t${digest}`, { digest, image: 'host/app:1.0' }],
  ['the reference and the long form', `host/app:1.0 host/app@${digest}`, { digest, image: 'host/app:1.0' }],
  [
    'a reference by another digest',
    `host/app@${other} host/app@${digest}`,
    { digest, image: `host/app@${other}` },
  ],
  ['quotes and commas, as in JSON', `"host/app:1.0","${digest}",`, { digest, image: 'host/app:1.0' }],
  ['an end of line of Windows', `${digest}\r`, { digest }],
])('%s', (_, line, item) => {
  expect(readImages(`\n${line}\n`)).toEqual({ items: [item], without: 0 })
})

test.each([
  ['no image id yet', 'host/app:1.0\t'],
  ['a digest that is cut off', `sha256:${hex.slice(1)}`],
  ['one that goes on', `${digest}a`],
  ['upper case', digest.toUpperCase()],
  ['another algorithm', `md5:${hex}`],
])('%s: no digest', (_, line) => {
  expect(readImages(line)).toEqual({ items: [], without: 1 })
})

test('each is there once, with each of its references', () => {
  const lines = [`a:1 ${digest}`, `a:1 ${digest}`, `a:2 ${digest}`, `a:1 ${other}`]
  expect(readImages(lines.join('\n')).items).toEqual([
    { digest, image: 'a:1' },
    { digest, image: 'a:2' },
    { digest: other, image: 'a:1' },
  ])
  expect(readImages('')).toEqual({ items: [], without: 0 })
})
