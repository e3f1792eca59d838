import type { ClientRequest } from 'node:http'
import type { Readable } from 'node:stream'
import { asRegistryError, RegistryError } from '../client/errors.ts'
import type { ClientLimits } from '../client/options.ts'
import { giveBack } from '../give-back.ts'
import type { Bandwidth } from './bandwidth.ts'

export interface Flow {
  readonly source: Readable
  readonly sink: ClientRequest
  /** Sees every byte before the sink does; what it throws ends the flow and the last byte is never sent. */
  readonly pass: (chunk: Buffer) => Buffer
  readonly limits: ClientLimits
  readonly bandwidth: Bandwidth | undefined
  /** Settles when the destination answers before everything was sent, which ends the flow. */
  readonly answered: Promise<unknown>
  readonly names: { readonly source: string; readonly sink: string }
}

/** Which end of the flow gave up. */
export class FlowError extends Error {
  readonly end: 'source' | 'sink' | 'check'
  override readonly cause: RegistryError

  constructor(end: 'source' | 'sink' | 'check', cause: RegistryError) {
    super(cause.message, { cause })
    this.name = 'FlowError'
    this.end = end
    this.cause = cause
  }
}

/**
 * Moves a body into a request with back-pressure and nothing held but the sockets' buffers. It resolves
 * when the source ended; it does not end the sink, so that a broken source can be continued by another.
 * @throws FlowError; `answered` when the destination spoke first is not an error here
 */
export function pump(flow: Flow): Promise<'ended' | 'answered'> {
  const { source, sink, limits } = flow
  return new Promise((resolve, reject) => {
    let moved = 0
    let seen = 0
    let waiting: 'source' | 'sink' | 'bandwidth' = 'source'
    let timer: NodeJS.Timeout | undefined

    const settle = (finish: () => void): void => {
      clearInterval(watch)
      clearTimeout(timer)
      source.off('data', onData).off('end', onEnd).off('error', onSourceError).off('close', onSourceClose)
      sink.off('drain', onDrain).off('error', onSinkError).off('close', onSinkClose)
      finish()
    }
    const fail = (end: 'source' | 'sink' | 'check', error: unknown): void => {
      settle(() =>
        reject(new FlowError(end, asRegistryError(error, flow.names[end === 'sink' ? 'sink' : 'source']))),
      )
    }
    const slow = (end: 'source' | 'sink'): void => {
      const text = `${flow.names[end]}: less than ${limits.slowBytesPerSecond} bytes a second for ${limits.stallMs} ms; the ${end === 'source' ? 'sending' : 'receiving'} registry is too slow or hangs`
      fail(end, new RegistryError('timeout', text))
    }

    const onData = (chunk: Buffer): void => {
      let out: Buffer
      try {
        out = flow.pass(chunk)
      } catch (error) {
        return fail('check', error)
      }
      moved += chunk.length
      const ready = out.length === 0 || sink.write(out, () => giveBack(chunk))
      const wait = flow.bandwidth?.take(out.length) ?? 0
      if (ready && wait === 0) return
      source.pause()
      waiting = ready ? 'bandwidth' : 'sink'
      if (wait > 0) timer = setTimeout(resume, wait)
    }
    const resume = (): void => {
      timer = undefined
      if (sink.writableNeedDrain) {
        waiting = 'sink'
        return
      }
      waiting = 'source'
      source.resume()
    }
    const onDrain = (): void => {
      if (timer === undefined) resume()
    }
    const onEnd = (): void => settle(() => resolve('ended'))
    const onSourceError = (error: Error): void => fail('source', error)
    const onSourceClose = (): void => {
      if (!source.readableEnded)
        fail('source', new RegistryError('connection', `${flow.names.source}: the connection broke`))
    }
    const onSinkError = (error: Error): void => fail('sink', error)
    const onSinkClose = (): void =>
      fail('sink', new RegistryError('connection', `${flow.names.sink}: the connection broke`))

    const watch = setInterval(() => {
      const least = (limits.slowBytesPerSecond * limits.stallMs) / 1000
      if (waiting !== 'bandwidth' && moved - seen < least) slow(waiting)
      seen = moved
    }, limits.stallMs)

    source.on('data', onData).once('end', onEnd).once('error', onSourceError).once('close', onSourceClose)
    sink.on('drain', onDrain).once('error', onSinkError).once('close', onSinkClose)
    const spoke = (): void => settle(() => resolve('answered'))
    flow.answered.then(spoke, () => undefined)
    if (source.destroyed) onSourceClose()
    else if (sink.destroyed) onSinkClose()
  })
}
