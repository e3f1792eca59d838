#!/usr/bin/env node
// npm links a command when it installs, which is before the first build: this file is there by then.
import fs from 'node:fs'

const main = new URL('../dist/main.js', import.meta.url)
if (!fs.existsSync(main)) {
  const { prepare } = await import('../../../scripts/prepare.mjs')
  await prepare()
}
await import(main.href)
