import fs from 'node:fs'
import path from 'node:path'
import { client } from './client.ts'
import { containersStorage } from './containers-storage.ts'
import { layer } from './images.ts'

client('podman', (at) =>
  containersStorage('podman', at, (podman, name) => {
    const archive = path.join(at.home, 'layer.tar.gz')
    fs.writeFileSync(archive, layer)
    return podman('import', archive, name)
  }),
)
