import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { type Duplex, PassThrough } from 'node:stream'
import tls from 'node:tls'
import { asRegistryError, RegistryError } from './errors.ts'
import { hostOf } from './options.ts'

type Opened = (error: Error | null, socket: Duplex) => void

/** An agent that reaches TLS hosts through `CONNECT`. RFC 9110, section 9.3.6. */
export class TunnelAgent extends https.Agent {
  readonly #proxy: URL

  constructor(proxy: URL, options: https.AgentOptions) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection(options: https.RequestOptions, opened?: Opened): Duplex | null | undefined {
    const host = String(options.host)
    const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${options.port || 443}`
    // An address has no server name.
    const named = { host, ...(isIP(host) === 0 && { servername: host }) }
    const connect = http.request({
      host: hostOf(this.#proxy),
      port: this.#proxy.port || 80,
      method: 'CONNECT',
      path: authority,
      agent: false,
      headers: { host: authority, ...proxyAuthorization(this.#proxy) },
    })
    // The signature wants a stream beside an error; a destroyed one stands for none.
    const failed = (error: Error): void => opened?.(error, new PassThrough().destroy())
    const refused = (status: number | undefined): void => {
      const text = `the proxy ${this.#proxy.host} answered ${String(status)} to a tunnel for ${authority}`
      failed(new RegistryError('refused', text))
    }
    connect.once('connect', (answer, socket) => {
      if (answer.statusCode === 200) return opened?.(null, tls.connect({ ...this.options, ...named, socket }))
      socket.destroy()
      refused(answer.statusCode)
    })
    connect.once('response', (answer) => {
      answer.destroy()
      refused(answer.statusCode)
    })
    connect.once('error', (error) => failed(asRegistryError(error, `the proxy ${this.#proxy.host}`)))
    connect.end()
    return undefined
  }
}

export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}
