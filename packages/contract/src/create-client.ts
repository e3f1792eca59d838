import { type Client, type ClientOptions, clientOf } from './client.ts'
import { operations } from './operations.ts'

/** A client of every call there is: {@link clientOf} with the table of operations. */
export function createClient(options: ClientOptions): Client {
  return clientOf(operations, options)
}
