import { expect, test } from 'vitest'
import { floodGate } from './flood.ts'

/** Replicas over one counter, at a time that the test says. */
function replicas(count: number, limits = { requests: 40, step: 10 }) {
  const clock = { now: 1_000_000_000_000 }
  const shared = new Map<string, number>()
  const told: string[] = []
  const share = async (address: string, { since, by }: { since: Date; by: number }) => {
    const key = `${address} ${since.toISOString()}`
    told.push(key)
    const all = (shared.get(key) ?? 0) + by
    shared.set(key, all)
    return all
  }
  const gates = Array.from({ length: count }, () => floodGate(share, { now: () => clock.now, limits }))
  return { gates, clock, told }
}

/** How many of so many requests are let through. */
async function through(gate: (address: string) => Promise<void>, address: string, requests: number) {
  let passed = 0
  for (let n = 0; n < requests; n++)
    await gate(address).then(
      () => passed++,
      () => undefined,
    )
  return passed
}

test('who stays below a step is never written down, nor refused', async () => {
  const { gates, told } = replicas(1)
  expect(await through(gates[0]!, '192.0.2.1', 9)).toBe(9)
  expect(told).toEqual([])
})

test('a flood is refused until its minute ends, and says for how long; others are not', async () => {
  const { gates, clock } = replicas(1)
  const [gate] = gates
  expect(await through(gate!, '192.0.2.1', 100)).toBe(39)
  await expect(gate!('192.0.2.1')).rejects.toMatchObject({
    code: 'rate_limited',
    headers: { 'Retry-After': '20' },
  })
  expect(await through(gate!, '192.0.2.2', 20)).toBe(20)
  clock.now += 20_000
  expect(await through(gate!, '192.0.2.1', 20)).toBe(20)
})

test('replicas share the count', async () => {
  const { gates, told } = replicas(2)
  expect(await through(gates[0]!, '192.0.2.1', 30)).toBe(30)
  expect(await through(gates[1]!, '192.0.2.1', 30)).toBe(9)
  expect(told).toHaveLength(4)
})

test('many addresses do not fill the memory with what they sent before', async () => {
  const { gates } = replicas(1)
  for (let n = 0; n < 10_001; n++) await gates[0]!(`address ${n}`)
  expect(await through(gates[0]!, '192.0.2.1', 100)).toBe(39)
})
