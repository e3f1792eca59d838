import pino from 'pino'
import { expect, test } from 'vitest'
import { sharedBudget } from './budget.ts'

test('a pause that another worker was asked for holds all who come while it is looked up', async () => {
  let found = (_left: number): void => undefined
  let looks = 0
  const left = () => {
    looks += 1
    return new Promise<number>((resolve) => (found = resolve))
  }
  const budget = sharedBudget({ left, ask: async () => undefined }, pino({ level: 'silent' }))
  const sent: number[] = []
  const all = [1, 2, 3].map(async (one) => {
    await budget.take('registry.example')
    sent.push(one)
  })
  await new Promise(setImmediate)
  expect({ looks, sent }).toEqual({ looks: 1, sent: [] })
  const began = performance.now()
  found(50)
  await Promise.all(all)
  expect(performance.now() - began).toBeGreaterThanOrEqual(49)
  expect(sent).toEqual([1, 2, 3])
})

test('while nobody can be asked, requests are sent', async () => {
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => void lines.push(line) })
  const left = async () => Promise.reject(new Error('no database'))
  const budget = sharedBudget({ left, ask: async () => undefined }, log)
  await budget.take('registry.example')
  expect(lines.join()).toContain('pauses of registries are not shared')
})
