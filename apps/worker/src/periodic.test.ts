import { until } from '@sluice/testkit'
import pino from 'pino'
import { expect, test } from 'vitest'
import { startPeriodic } from './periodic.ts'

const silent = pino({ level: 'silent' })
const never = 60_000

test('runs at once, when poked, and never twice at once', async () => {
  let runs = 0
  let now = 0
  let most = 0
  let release = (): void => undefined
  const task = async (): Promise<void> => {
    runs += 1
    most = Math.max(most, ++now)
    await new Promise<void>((resolve) => (release = resolve))
    now -= 1
  }
  const periodic = startPeriodic('t', never, task, silent)
  expect(runs).toBe(1)
  // Poked while it runs: once more afterwards, however often.
  periodic.poke()
  periodic.poke()
  release()
  await until(() => runs === 2, { what: 'the second run' })
  const stopped = periodic.stop()
  periodic.poke()
  release()
  await stopped
  expect([runs, most, now]).toEqual([2, 1, 0])
})

test('runs again by itself, also after failing, and tells of that once', async () => {
  const lines: { msg: string; task: string }[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  let runs = 0
  const task = async (): Promise<void> => {
    runs += 1
    if (runs <= 3) throw new Error('no')
  }
  const periodic = startPeriodic('t', 1, task, log)
  await until(() => runs >= 5, { what: 'five runs' })
  await periodic.stop()
  expect(lines.map(({ msg, task }) => `${task}: ${msg}`)).toEqual([
    't: task failed, and is tried again',
    't: task works again',
  ])
})

test('stop waits for the run that is under way', async () => {
  let over = false
  let release = (): void => undefined
  const periodic = startPeriodic(
    't',
    never,
    async () => {
      await new Promise<void>((resolve) => (release = resolve))
      over = true
    },
    silent,
  )
  const stopped = periodic.stop()
  release()
  await stopped
  expect(over).toBe(true)
})
