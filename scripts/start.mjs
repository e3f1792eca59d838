// npm start: everything from a clean clone, in this one process and its children.
import { prepare } from './prepare.mjs'

await prepare()
// Imported, not spawned: a signal to this process is then a signal to the supervisor, once.
await import('../apps/standalone/dist/main.js')
