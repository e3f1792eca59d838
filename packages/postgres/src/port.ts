import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'

/** The port used last in this home if it is free now, else any free one of the loopback interface. */
export async function choosePort(home: string): Promise<number> {
  const remembered = readPort(home)
  if (remembered !== undefined && (await listenOnce(remembered)) !== undefined) return remembered
  const port = await listenOnce(0)
  if (port === undefined) throw new Error('no free port on 127.0.0.1')
  return port
}

/** Connections and notes of operators outlive a restart when the port does. */
export function rememberPort(home: string, port: number): void {
  if (readPort(home) !== port) fs.writeFileSync(path.join(home, 'port'), `${port}\n`, { mode: 0o600 })
}

function readPort(home: string): number | undefined {
  const file = path.join(home, 'port')
  const port = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : Number.NaN
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}
