export { folderStorage } from './folder.ts'
export { newStorageKey } from './key.ts'
export { memoryStorage } from './memory.ts'
export { openStorage, type StorageSettings } from './open.ts'
