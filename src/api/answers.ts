import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { AppError, type ErrorDetails, type ErrorKind, explain } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

export const errorBody = z
  .object({
    error: z.object({
      kind: z.string(),
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
      requestId: z.string().optional(),
    }),
  })
  .meta({ id: 'Error' })

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
}

/** Shapes every error; what we did not foresee is logged and told without its insides. */
export function errorHandler(log: Log) {
  return (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const error = asAppError(thrown)
    const status = statusOfCode[error.code] ?? statusOf[error.kind]
    if (error.kind === 'bug')
      log.error('request failed', { ...about(request), error: explain(thrown), stack: thrown.stack })
    if (error.kind === 'unavailable')
      log.warn('request could not be served', { ...about(request), error: explain(error) })
    if (status === 401) void reply.header('www-authenticate', 'ApiKey')
    const { kind, code, message, details } = publicPart(error)
    const told = { kind, code, message, ...(details === undefined ? {} : { details }), requestId: request.id }
    return reply.code(status).type('application/json').send({ error: told })
  }
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

function publicPart(error: AppError): {
  kind: ErrorKind
  code: string
  message: string
  details: ErrorDetails | undefined
} {
  if (error.kind !== 'bug') return error
  return { kind: 'bug', code: 'internal-error', message: 'the request failed inside the service', details: undefined }
}

function asAppError(thrown: FastifyError): AppError {
  if (thrown instanceof AppError) return thrown
  if (hasZodFastifySchemaValidationErrors(thrown)) return invalidRequest(thrown)
  if (thrown.statusCode === 413) {
    return new AppError('invalid', 'body-too-large', 'the request body is too large', { cause: thrown })
  }
  if (thrown.statusCode === 429) {
    return new AppError('unavailable', 'too-many-requests', 'too many requests from this address; wait a minute', {
      cause: thrown,
    })
  }
  if (thrown.statusCode !== undefined && thrown.statusCode >= 400 && thrown.statusCode < 500) {
    return new AppError('invalid', 'request-malformed', thrown.message, { cause: thrown })
  }
  return new AppError('bug', 'internal-error', 'handling the request', { cause: thrown })
}

function invalidRequest(thrown: {
  validation: readonly { instancePath: string; message?: string }[]
  validationContext?: string
}) {
  const problems = thrown.validation.map(({ instancePath, message }) => ({
    field: instancePath.replace(/^\//, '').replaceAll('/', '.') || (thrown.validationContext ?? 'body'),
    problem: message ?? 'is wrong',
  }))
  const text = problems.map(({ field, problem }) => `${field}: ${problem}`).join('; ')
  return new AppError('invalid', 'request-invalid', `the request can't be used: ${text}`, { details: { problems } })
}
