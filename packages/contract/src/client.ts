import type { z } from 'zod'
import { readEvents } from './event-stream.ts'
import type { ChangesEvent, RequestEvent } from './events.ts'
import type { Answer, Operation, OperationId, Operations } from './operations.ts'
import { API_PREFIX, CHANGES_PATH, EVENTS_PATH } from './paths.ts'
import type { Problem } from './problem.ts'

// Nothing here needs a schema at run time: a browser has this file without zod.

/**
 * - `refused`: the service answered with a problem document, which is in `problem`.
 * - `unreachable`: no answer came.
 * - `unexpected`: the answer is not one of a Sluice service.
 */
export type CallErrorCode = 'refused' | 'unreachable' | 'unexpected'

/** A call that did not give its answer. */
export class CallError extends Error {
  readonly code: CallErrorCode
  readonly status: number | null
  readonly problem: Problem | null

  constructor(
    code: CallErrorCode,
    message: string,
    details: { status?: number; problem?: Problem; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause })
    this.name = 'CallError'
    this.code = code
    this.status = details.status ?? null
    this.problem = details.problem ?? null
  }
}

type Part<O, K extends string> = O extends { readonly [P in K]: infer S extends z.ZodType }
  ? z.input<S>
  : never
type Given<K extends string, V> = [V] extends [never]
  ? unknown
  : Partial<V> extends V
    ? { readonly [P in K]?: V }
    : { readonly [P in K]: V }

/** What a call takes: `params`, `query`, `headers`, `body`, each where the operation has it. */
export type Input<Id extends OperationId> = Given<'params', Part<Operations[Id], 'params'>> &
  Given<'query', Part<Operations[Id], 'query'>> &
  Given<'headers', Part<Operations[Id], 'headers'>> &
  Given<'body', Part<Operations[Id], 'body'>>

export type Reply<Id extends OperationId> = {
  readonly status: number
  /** Of grants: send it back as `if-match`. */
  readonly etag: string | null
  readonly body: Answer<Id>
}

type Arguments<Id extends OperationId> =
  Partial<Input<Id>> extends Input<Id> ? [input?: Input<Id>] : [input: Input<Id>]

export type Client = {
  readonly [Id in OperationId]: (...input: Arguments<Id>) => Promise<Answer<Id>>
} & {
  /** As the method of that name, with status and entity tag. */
  readonly send: <Id extends OperationId>(id: Id, ...input: Arguments<Id>) => Promise<Reply<Id>>
  /** How a request goes on, from now until it is final, the connection ends or `signal` is aborted. */
  readonly watchRequest: (id: string, options?: { signal?: AbortSignal }) => AsyncGenerator<RequestEvent>
  /** What changes of all requests that may be seen, until the connection ends or `signal` is aborted. */
  readonly watchChanges: (options?: { signal?: AbortSignal }) => AsyncGenerator<ChangesEvent>
}

export type ClientOptions = {
  /** Where the service is: scheme, host, port. */
  readonly url: string
  /** An API or session token. */
  readonly token?: string
  readonly fetch?: typeof fetch
}

type Loose = {
  params?: Record<string, string>
  query?: Record<string, string | number | undefined>
  headers?: Record<string, string>
  body?: unknown
}

/** Where each call goes: the part of the table of operations that a client needs. */
export type Calls = Readonly<Record<OperationId, Pick<Operation, 'method' | 'path'>>>

/**
 * A client of every call of the table, one method each. Redirects are not followed: a token is
 * shown to no other host.
 * @throws (from every method) CallError
 */
export function clientOf(calls: Calls, { url, token, fetch: fetcher = fetch }: ClientOptions): Client {
  const exchange = async (
    method: string,
    path: string,
    input: Loose,
    accept: string,
    signal?: AbortSignal,
  ) => {
    const target = new URL(`${API_PREFIX}${fill(path, input.params ?? {})}`, url)
    for (const [key, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined) target.searchParams.set(key, String(value))
    }
    const headers = new Headers({ accept })
    for (const [key, value] of Object.entries(input.headers ?? {})) {
      if (value !== undefined) headers.set(key, value)
    }
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const init: RequestInit = { method, headers, redirect: 'error', signal: signal ?? null }
    if (input.body !== undefined) {
      headers.set('content-type', 'application/json')
      init.body = JSON.stringify(input.body)
    }
    let response: Response
    try {
      response = await fetcher(target, init)
    } catch (cause) {
      throw new CallError(
        'unreachable',
        `no answer from ${target.origin}; is the address right, is it running?`,
        {
          cause,
        },
      )
    }
    if (!response.ok) throw await refusal(response, target)
    return response
  }

  const send = async (id: OperationId, input: Loose = {}) => {
    const { method, path } = calls[id]
    const response = await exchange(method, path, input, 'application/json')
    const body = response.status === 204 ? undefined : await json(response)
    return { status: response.status, etag: response.headers.get('etag'), body }
  }

  async function* watch<Event>(path: string, input: Loose, signal: AbortSignal | undefined) {
    const response = await exchange('GET', path, input, 'text/event-stream', signal)
    if (response.body === null || type(response) !== 'text/event-stream') throw unexpected(response)
    for await (const data of readEvents(response.body)) {
      const event: Event = JSON.parse(data)
      yield event
    }
  }
  const watchRequest: Client['watchRequest'] = (id, { signal } = {}) =>
    watch<RequestEvent>(EVENTS_PATH, { params: { id } }, signal)
  const watchChanges: Client['watchChanges'] = ({ signal } = {}) =>
    watch<ChangesEvent>(CHANGES_PATH, {}, signal)

  const isCall = (id: string): id is OperationId => Object.hasOwn(calls, id)
  const methods = Object.keys(calls)
    .filter(isCall)
    .map((id) => [id, async (input?: Loose) => (await send(id, input)).body])
  return { ...Object.fromEntries(methods), send, watchRequest, watchChanges }
}

function fill(path: string, params: Record<string, string>): string {
  return path.replace(/\{([a-z]+)\}/g, (_, key: string) => encodeURIComponent(params[key] ?? ''))
}

const type = (response: Response): string =>
  (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

async function json(response: Response): Promise<unknown> {
  if (!/^application\/(?:problem\+)?json$/.test(type(response))) throw unexpected(response)
  try {
    return await response.json()
  } catch (cause) {
    throw unexpected(response, cause)
  }
}

async function refusal(response: Response, target: URL): Promise<CallError> {
  const problem = await json(response).catch(() => null)
  if (!isProblem(problem)) return unexpected(response)
  const { detail, errors } = problem
  // Of one mistake the detail is often its very words.
  const fields = errors
    .filter(({ message }) => message !== detail)
    .map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
  const message = [detail, ...fields].join('; ')
  return new CallError('refused', message || `${target.pathname} was refused`, {
    status: response.status,
    problem,
  })
}

/** What the schema in problem.ts says, without it. */
function isProblem(value: unknown): value is Problem {
  return (
    hasTexts(value, ['type', 'title', 'detail', 'code', 'requestId']) &&
    'status' in value &&
    Number.isInteger(value.status) &&
    'errors' in value &&
    Array.isArray(value.errors) &&
    value.errors.every((error) => hasTexts(error, ['field', 'rule', 'message']))
  )
}

const hasTexts = (value: unknown, names: readonly string[]): value is object =>
  typeof value === 'object' &&
  value !== null &&
  names.every((name) => typeof Reflect.get(value, name) === 'string')

function unexpected(response: Response, cause?: unknown): CallError {
  return new CallError(
    'unexpected',
    `${response.url || 'the service'} answered ${response.status} with ${type(response) || 'no content type'}: this is no Sluice service`,
    { status: response.status, cause },
  )
}
