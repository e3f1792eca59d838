import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const [brotli, gz] = [promisify(brotliCompress), promisify(gzip)]

/** The api serves files as they are: what compresses is compressed here, once. */
export const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  generateBundle: {
    order: 'post',
    async handler(_, bundle) {
      for (const [fileName, file] of Object.entries(bundle)) {
        if (!/\.(js|css|svg)$/.test(fileName)) continue
        const source = Buffer.from(file.type === 'chunk' ? file.code : file.source)
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }
        this.emitFile({ type: 'asset', fileName: `${fileName}.br`, source: await brotli(source, quality) })
        this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: await gz(source, { level: 9 }) })
      }
    },
  },
}
