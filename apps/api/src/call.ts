import type { Answer, OperationId, Received, Verb } from '@sluice/contract'
import type { Actor } from '@sluice/store'
import type { Services } from './services.ts'

/** What the caller may do, by feed id. */
export type Grants = ReadonlyMap<string, ReadonlySet<Verb>>

/** Who asks, known before anything of the call is looked at. */
export type Caller = {
  readonly services: Services
  readonly actor: Actor
  readonly grants: Grants
  /** By which address this service was reached, as `https://host:port`. */
  readonly origin: string
  /** Where the request came from, as `addressOf` writes it. */
  readonly address: string
}

/** One call of `/api/v1`, checked against its operation. */
export type Call<Id extends OperationId> = Caller &
  Received<Id> & {
    /** The body before it was parsed; empty where the call has none. */
    readonly bytes: Uint8Array
  }

/** JSON.stringify writes a Date as the ISO string that the contract has. */
type Sendable<T> = T extends string
  ? T | Date
  : T extends readonly (infer Item)[]
    ? readonly Sendable<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Sendable<T[K]> }
      : T

export type Result<Id extends OperationId> = {
  readonly status: number
  readonly body?: Sendable<Answer<Id>>
  readonly headers?: Readonly<Record<string, string>>
}

export type Handle<Id extends OperationId> = (call: Call<Id>) => Promise<Result<Id>>

/** What a rule can look at: the body only where the rule says so, unchecked headers never. */
export type Asked = Caller & {
  readonly params: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}
