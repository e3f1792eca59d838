import { expect, test } from 'vitest'
import { pullCommand } from './index.ts'

const digest = `sha256:${'a'.repeat(64)}`

test.each([
  ['127.0.0.1:8080/trusted', '1.4.2', 'docker pull 127.0.0.1:8080/trusted/team/app:1.4.2'],
  ['registry.example/trusted', digest, `docker pull registry.example/trusted/team/app@${digest}`],
  ['registry.example:5000', '1', 'docker pull registry.example:5000/team/app:1'],
  ['[::1]:5000/our/images', '1', 'docker pull [::1]:5000/our/images/team/app:1'],
])('from %s, %s', (address, reference, command) => {
  expect(pullCommand(address, 'team/app', reference)).toBe(command)
})
