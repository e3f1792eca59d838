export { folderStorage } from './folder.ts'
export { memoryStorage } from './memory.ts'
