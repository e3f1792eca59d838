import { join } from 'node:path'
import type { BlobStorage } from '../ports.ts'
import { folderStorage } from './folder.ts'

export interface StorageSettings {
  /** Absolute. */
  readonly dataDir: string
}

/** The one storage that the api and every worker share: a folder of the data folder. */
export function openStorage({ dataDir }: StorageSettings): BlobStorage {
  return folderStorage(join(dataDir, 'blobs'))
}
