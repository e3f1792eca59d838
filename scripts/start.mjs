// npm start: everything from a clean clone, in this one process and its children.
import { prepare } from './prepare.mjs'

await prepare()
// npm runs a script under a shell, and a SIGTERM to npm ends that shell without reaching us: its end is ours.
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 100)
}
// Imported, not spawned: a signal to this process is then a signal to the supervisor, once.
await import('../apps/standalone/dist/main.js')
