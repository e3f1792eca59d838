import { expect, test } from 'vitest'
import { addressOf, executedAt, pullCommand } from './pull.ts'

const digest = `sha256:${'a'.repeat(64)}`

test.each([
  ['http://127.0.0.1:8080', '1.4.2', 'docker pull 127.0.0.1:8080/trusted/team/app:1.4.2'],
  ['https://registry.example.com', digest, `docker pull registry.example.com/trusted/team/app@${digest}`],
  ['https://registry.example.com:443', 'latest', 'docker pull registry.example.com/trusted/team/app:latest'],
  ['http://[::1]:5000', '1', 'docker pull [::1]:5000/trusted/team/app:1'],
])('at %s, %s', (origin, reference, command) => {
  expect(pullCommand(origin, { feed: 'trusted', address: null, repository: 'team/app' }, reference)).toBe(
    command,
  )
})

test.each([
  ['http://registry.example:5000', '', '1', 'docker pull registry.example:5000/team/app:1'],
  [
    'https://registry.example',
    'our/images',
    digest,
    `docker pull registry.example/our/images/team/app@${digest}`,
  ],
])('an image of the registry %s under "%s", %s', (url, prefix, reference, command) => {
  const address = addressOf({ url, prefix })
  expect(pullCommand('https://a.example', { feed: 'far', address, repository: 'team/app' }, reference)).toBe(
    command,
  )
})

test.each([
  ['SUCCEEDED', `docker pull a.example/trusted/app@${digest}`],
  ['FAILED', null],
] as const)('what is %s can be pulled by %s', (state, command) => {
  const target = { feed: 'trusted', repository: 'app', tag: '1.0.0', digest }
  const executed = executedAt('https://a.example', {
    id: 'p',
    requestId: 'r',
    state,
    digest,
    targets: [{ ...target, address: null }],
    requester: 'ci',
    approvers: ['alice'],
    startedAt: null,
    finishedAt: null,
  })
  expect(executed.targets).toEqual([{ ...target, pullCommand: command }])
})
