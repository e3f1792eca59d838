// npm run demo: the whole path once, on a running service (--url) or one started for it.
import { prepare } from './prepare.mjs'
import { startService } from './service.mjs'

await prepare()
const { main } = await import('../apps/cli/dist/demo/main.js')

let service
const end = async (signal) => {
  await service?.stop()
  process.exit(signal === 'SIGINT' ? 130 : 143)
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end)
process.exitCode = await main(process.argv.slice(2), async () => (service = await startService()))
