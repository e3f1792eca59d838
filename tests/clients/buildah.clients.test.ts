import fs from 'node:fs'
import path from 'node:path'
import { client } from './client.ts'
import { containersStorage } from './containers-storage.ts'

client('buildah', (at) =>
  containersStorage('buildah', at, async (buildah, name) => {
    fs.writeFileSync(path.join(at.home, 'hello.txt'), 'Hello from a client\n')
    const container = await buildah('from', 'scratch')
    await buildah('copy', container, 'hello.txt', '/')
    return buildah('commit', '--rm', container, name)
  }),
)
