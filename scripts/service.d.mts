/** Whatever JSON a call answers; scripts and tests read it without a schema. */
// oxlint-disable-next-line typescript/no-explicit-any
type Json = any

export interface Service {
  readonly url: string
  readonly adminPassword: string
  /** The supervisor's. */
  readonly pid: number
  /** The file with what the service wrote. */
  readonly log: string
  /** Resolves when the supervisor is gone, however it ended. */
  readonly exited: Promise<number | null>
  /** A call of `/api/v1` as the administrator. */
  call(method: string, route: string, body?: unknown): Promise<Json>
  stop(): Promise<void>
}

export function startService(options?: { env?: Record<string, string>; folder?: string }): Promise<Service>

export function makeFolder(): string

export function freePort(): Promise<number>

export function call(
  url: string,
  method: string,
  route: string,
  options?: { body?: unknown; token?: string },
): Promise<Json>
