import { describe, expect, it } from 'vitest'
import { giveBack } from './give-back.ts'

describe('a chunk that is given back', () => {
  it('holds nothing any more', () => {
    const chunk = Buffer.from(new ArrayBuffer(65_536))
    giveBack(chunk)
    expect([chunk.length, chunk.buffer.byteLength]).toEqual([0, 0])
  })

  it.each([
    { what: 'the first part of something larger', start: 0, end: 10 },
    { what: 'the last part of something larger', start: 10, end: 20 },
  ])('is left alone as $what', ({ start, end }) => {
    const whole = Buffer.alloc(20, 'a')
    giveBack(new Uint8Array(whole.buffer, whole.byteOffset + start, end - start))
    expect(whole.toString()).toBe('a'.repeat(20))
  })

  it.each([new Uint8Array(0), new Uint8Array(new SharedArrayBuffer(8))])('may be %o', (chunk) => {
    const { byteLength } = chunk
    giveBack(chunk)
    expect(chunk.byteLength).toBe(byteLength)
  })
})
