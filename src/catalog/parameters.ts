import { Ajv, type ErrorObject } from 'ajv'
import { AppError } from '../base/errors.ts'
import type { Values } from './plan.ts'

/**
 * Compiles a plan's JSON Schema into a check that fills in defaults. Unknown parameters are refused unless the schema says
 * otherwise: a typing error must not be taken for consent to the default.
 */
export function compileParameters(plan: string, schema: Values): (params: Values) => Values {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: true, strictTypes: false, allowUnionTypes: true })
  for (const format of ['email', 'uri', 'hostname', 'password']) ajv.addFormat(format, true)
  const validate = ajv.compile({ type: 'object', additionalProperties: false, ...schema })
  return (params) => {
    const checked = structuredClone(params) as Record<string, unknown>
    if (validate(checked)) return checked
    const problems = (validate.errors ?? []).map(problemOf)
    throw new AppError(
      'invalid',
      'parameters-invalid',
      `parameters of plan ${plan}: ${problems.map(inWords).join('; ')}`,
      {
        details: { plan, problems },
      },
    )
  }
}

interface Problem {
  readonly parameter: string
  readonly problem: string
}

function problemOf(error: ErrorObject): Problem {
  const here = error.instancePath.slice(1).replaceAll('/', '.')
  const inside = (name: unknown) => (here === '' ? String(name) : `${here}.${String(name)}`)
  switch (error.keyword) {
    case 'additionalProperties':
      return { parameter: inside(error.params['additionalProperty']), problem: 'is not a parameter of this plan' }
    case 'required':
      return { parameter: inside(error.params['missingProperty']), problem: 'is missing' }
    case 'enum':
      return { parameter: here, problem: `must be one of ${JSON.stringify(error.params['allowedValues'])}` }
    default:
      return { parameter: here, problem: error.message ?? `is not as wanted (${error.keyword})` }
  }
}

function inWords({ parameter, problem }: Problem): string {
  return parameter === '' ? problem : `${parameter} ${problem}`
}
