import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { AppError, type ErrorDetails, type ErrorKind, explain } from '../base/errors.ts'
import { type FieldError, fieldErrorsOf, fieldsInvalid } from '../base/field-errors.ts'
import { inPeoplesWords } from '../base/issue-words.ts'
import type { Log } from '../base/log.ts'
import { isDatabaseAway } from '../db/dialect.ts'

/** Bytes; no order needs a tenth of it. */
export const BODY_LIMIT = 64 * 1024

/** Longer than any answer takes: a database or a component hangs. Less than what proxies wait. */
export const ANSWER_MS = 25_000

/** `handlerTimeout` of routes that stream: as good as none, which Fastify takes for the server's. */
export const STREAM_MS = 2 ** 31 - 1

/** RFC 9457. `code` and `kind` are for programs, `detail` is for people. */
export const errorBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('a stable word for this very error'),
    kind: z.string(),
    errors: z
      .array(z.object({ field: z.string(), value: z.unknown().optional(), problem: z.string() }))
      .optional()
      .describe('every field that can’t be used as it is'),
    details: z.record(z.string(), z.unknown()).optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem' })

const statusOf: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  unavailable: 503,
  bug: 500,
}

/** Codes with a status of their own. */
const statusOfCode: Readonly<Record<string, number>> = {
  'too-many-failures': 429,
  'too-many-requests': 429,
  'body-too-large': 413,
  'changed-since': 412,
}

/** Shapes every error; what we did not foresee is logged and told without its insides. */
export function errorHandler(log: Log) {
  return (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const error = asAppError(thrown, request)
    const status = statusOfCode[error.code] ?? statusOf[error.kind]
    if (error.kind === 'bug')
      log.error('request failed', { ...about(request), error: explain(thrown), stack: thrown.stack })
    if (error.kind === 'unavailable')
      log.warn('request could not be served', { ...about(request), error: explain(error) })
    if (status === 401) void reply.header('www-authenticate', 'ApiKey')
    const retryAfter = error.details?.['retryAfterSeconds']
    if (typeof retryAfter === 'number') void reply.header('retry-after', retryAfter)
    const told = publicPart(error)
    const isOurs = pathOf(request).replace(/\/+/g, '/').startsWith('/api/v2')
    return isOurs
      ? reply
          .code(status)
          .type('application/problem+json')
          .send(problem(told, status, request))
      : reply
          .code(status)
          .type('application/json')
          .send({ error: compatError(told, request) })
  }
}

interface PublicPart {
  readonly kind: ErrorKind
  readonly code: string
  readonly message: string
  readonly details: ErrorDetails | undefined
}

const titles: Readonly<Record<ErrorKind, string>> = {
  invalid: 'The request can’t be used',
  unauthenticated: 'Not signed in',
  forbidden: 'Not allowed',
  'not-found': 'Not found',
  conflict: 'Something is in the way',
  unavailable: 'Not available right now',
  bug: 'Failed inside the service',
}

function problem({ kind, code, message, details }: PublicPart, status: number, request: FastifyRequest) {
  const errors = fieldErrorsOf(details)
  return {
    type: `urn:cloudmgr:problem:${code}`,
    title: titles[kind],
    status,
    detail: message,
    code,
    kind,
    ...(errors.length > 0 ? { errors } : details === undefined ? {} : { details }),
    requestId: request.id,
  }
}

/** The shape outside of our own API: the omega-ml client prints it as it is. */
function compatError({ kind, code, message, details }: PublicPart, request: FastifyRequest) {
  return { kind, code, message, ...(details === undefined ? {} : { details }), requestId: request.id }
}

export function notFound(request: FastifyRequest): never {
  throw new AppError('not-found', 'route-unknown', `there is no ${request.method} ${pathOf(request)}`)
}

/** Without the query: it may hold what should not be in a log. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/'
}

function about(request: FastifyRequest) {
  return { request: request.id, method: request.method, path: pathOf(request) }
}

function publicPart(error: AppError): PublicPart {
  if (error.kind !== 'bug') return error
  return { kind: 'bug', code: 'internal-error', message: 'the request failed inside the service', details: undefined }
}

function asAppError(thrown: FastifyError, request: FastifyRequest): AppError {
  if (thrown instanceof AppError) return thrown
  if (hasZodFastifySchemaValidationErrors(thrown)) return invalidRequest(thrown, request)
  if (thrown.statusCode === 413) {
    const text = `the request body is larger than ${BODY_LIMIT / 1024} KB, which is the most that is taken`
    return new AppError('invalid', 'body-too-large', text, { cause: thrown })
  }
  if (thrown.statusCode === 429) {
    return new AppError('unavailable', 'too-many-requests', 'too many requests from this address; wait a minute', {
      cause: thrown,
    })
  }
  if (thrown.code === 'FST_ERR_HANDLER_TIMEOUT') {
    const text =
      'the database or a component hangs and does not answer; what was asked for may still be done once it does'
    return new AppError('unavailable', 'no-answer', text, { cause: thrown })
  }
  if (thrown.statusCode !== undefined && thrown.statusCode >= 400 && thrown.statusCode < 500) {
    return new AppError('invalid', 'request-malformed', thrown.message, { cause: thrown })
  }
  if (isDatabaseAway(thrown))
    return new AppError('unavailable', 'database-unreachable', 'the database does not answer right now', {
      cause: thrown,
    })
  return new AppError('bug', 'internal-error', 'handling the request', { cause: thrown })
}

interface SchemaErrors {
  readonly validation: readonly {
    keyword: string
    instancePath: string
    message?: string
    params?: Readonly<Record<string, unknown>>
  }[]
  readonly validationContext?: string
}

function invalidRequest(thrown: SchemaErrors, request: FastifyRequest): AppError {
  const part = sentPart(request, thrown.validationContext)
  const errors = thrown.validation.flatMap(({ keyword, instancePath, message = 'is wrong', params }): FieldError[] => {
    const path = instancePath.split('/').filter((word) => word !== '')
    const unknown = params?.['keys']
    if (Array.isArray(unknown)) {
      return unknown.map((key) => ({ field: [...path, String(key)].join('.'), problem: 'there is no such field' }))
    }
    const field = path.join('.') || (thrown.validationContext ?? 'body')
    // As the schema said it: the framework keeps the parts.
    const issue = { ...params, code: keyword, path, message } as unknown as z.core.$ZodIssue
    return [{ field, ...valueAt(part, path), problem: inPeoplesWords(issue, inside(part, path)) }]
  })
  return fieldsInvalid(errors)
}

function sentPart(request: FastifyRequest, context: string | undefined): unknown {
  if (context === 'params') return request.params
  if (context === 'querystring') return request.query
  return context === 'headers' ? undefined : request.body
}

/** What was sent there, when it is short and nothing that should stay secret. */
function valueAt(part: unknown, path: readonly string[]): { value?: unknown } {
  if (path.length === 0 || path.some((word) => /password|apikey|token|current|new/i.test(word))) return {}
  const value = inside(part, path)
  if (typeof value === 'string') return { value: value.length > 60 ? `${value.slice(0, 60)}…` : value }
  return typeof value === 'number' || typeof value === 'boolean' ? { value } : {}
}

function inside(part: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, word) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[word] : undefined,
    part,
  )
}
