import { z } from 'zod'
import { type Operation, operationIds, operations } from './operations.ts'
import { API_PREFIX, CHANGES_PATH, EVENTS_PATH } from './paths.ts'
import { problem } from './problem.ts'

type Json = { [key: string]: unknown }

/** The OpenAPI 3.1 description of `/api/v1`, derived from the table of operations. */
export function openApi(version: string): Json {
  const paths: Record<string, Json> = {}
  const add = (path: string, method: string, operation: Json) => {
    paths[API_PREFIX + path] = { ...paths[API_PREFIX + path], [method.toLowerCase()]: operation }
  }
  for (const operationId of operationIds) {
    const operation: Operation = operations[operationId]
    add(operation.path, operation.method, describe(operationId, operation))
  }
  add(EVENTS_PATH, 'GET', {
    operationId: 'watchRequest',
    summary: 'Server-sent events: state, step and bytes, until the request is final',
    parameters: parameters('path', operations.getRequest.params),
    responses: {
      200: { description: 'events', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      default: refusal,
    },
  })
  add(CHANGES_PATH, 'GET', {
    operationId: 'watchChanges',
    summary: 'Server-sent events: ids of requests that changed, of those the caller may see; endless',
    responses: {
      200: { description: 'events', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      default: refusal,
    },
  })
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice', version },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schemaOf(problem, 'output') },
    },
  }
}

const refusal = {
  description: 'refused, and why',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

function describe(operationId: string, operation: Operation): Json {
  const { summary, params, query, headers, body, bodyType, answers } = operation
  const responses: Json = { default: refusal }
  for (const [status, answer] of Object.entries(answers)) {
    responses[status] =
      answer === null
        ? { description: 'done' }
        : { description: 'done', content: { 'application/json': { schema: schemaOf(answer, 'output') } } }
  }
  return {
    operationId,
    summary,
    ...((operationId === 'login' || operationId === 'reportTicket') && { security: [] }),
    parameters: [
      ...parameters('path', params),
      ...parameters('query', query),
      ...parameters('header', headers),
    ],
    ...(body && {
      requestBody: {
        required: true,
        content: Object.fromEntries(
          ['application/json', ...(bodyType === undefined ? [] : [bodyType])].map((type) => [
            type,
            { schema: schemaOf(body, 'input') },
          ]),
        ),
      },
    }),
    responses,
  }
}

function parameters(place: 'path' | 'query' | 'header', schema: z.ZodObject | undefined): Json[] {
  const fields: [string, z.ZodType][] = Object.entries(schema?.shape ?? {})
  return fields.map(([name, field]) => ({
    name,
    in: place,
    required: place === 'path' || !field.safeParse(undefined).success,
    schema: schemaOf(field, 'input'),
  }))
}

/** Answers are described openly: a later version may add a field, and no reader may break over it. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    reused: 'inline',
    override: ({ jsonSchema }) => {
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  return rest
}
