import { MessageChannel } from 'node:worker_threads'

/** Closed at both ends: what is sent into it is gone. */
const nowhere = (() => {
  const { port1, port2 } = new MessageChannel()
  port1.close()
  return port2
})()

/**
 * Frees the memory of a chunk that came from a connection and that nobody will read again: it is empty afterwards.
 * A chunk that is part of something larger is left alone.
 *
 * A connection brings each 64 KiB in memory of their own. Left to the collector, they make V8 mark the whole heap after
 * every 64 MB of them: more than half of the CPU of receiving a blob.
 */
export function giveBack(chunk: Uint8Array): void {
  const { buffer } = chunk
  // `ArrayBuffer.prototype.transfer`, made for this, came with Node 22.
  if (buffer instanceof ArrayBuffer && chunk.byteLength === buffer.byteLength && chunk.byteLength > 0)
    nowhere.postMessage(buffer, [buffer])
}
