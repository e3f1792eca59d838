import assert from 'node:assert/strict'
import { type GateReport, PromotionError, parsePolicy } from './index.ts'

export const digest = `sha256:${'a'.repeat(64)}`
export const other = `sha256:${'b'.repeat(64)}`
export const now = new Date('2026-03-10T12:00:00.000Z')
export const later = new Date('2026-03-10T13:00:00.000Z')

export function refusal(decide: () => unknown) {
  try {
    decide()
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    const { name, code, message, issues, detail } = error
    assert.equal(name, 'PromotionError')
    return { code, message, issues, ...(detail !== undefined && { detail }) }
  }
  throw new Error('nothing was refused')
}

/** What is said of a policy. */
export function said(policy: unknown): string {
  try {
    parsePolicy(policy)
  } catch (error) {
    if (error instanceof PromotionError) return error.message
    throw error
  }
  return 'nothing'
}

export const gate = (
  name: GateReport['gate'],
  verdict: GateReport['verdict'],
  over: Partial<GateReport> = {},
) => ({
  gate: name,
  verdict,
  reasons: [`${name} says ${verdict}`, 'and more'],
  inputs: {},
  until: null,
  ...over,
})
