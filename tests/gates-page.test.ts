import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { parsePolicy } from '@sluice/promotion'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

test('the lane of docs/gates.md is one, and uses every gate that the page describes', () => {
  const page = fs.readFileSync(path.resolve(import.meta.dirname, '..', 'docs', 'gates.md'), 'utf8')
  const [, written = ''] = /^```yaml\n([\s\S]*?)^```/m.exec(page) ?? []
  const { policy } = parse(written).lanes[0]
  const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
  const { gates } = parsePolicy({ ...policy, keys: { ci: pem } })
  const described = [...page.matchAll(/^\| `([a-zA-Z]+)` \|/gm)].map(([, name]) => name ?? '')
  const keysOfRules = ['from', 'of', 'maxAge']
  const named = described.filter((name) => !keysOfRules.includes(name))
  expect([...Object.keys(gates), 'evidence'].sort()).toEqual(named.sort())
})
