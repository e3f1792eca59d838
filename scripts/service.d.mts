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
  call(method: string, route: string, body?: unknown): Promise<any>
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
): Promise<any>
