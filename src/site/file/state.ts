import { z } from 'zod'
import { type BackendName, backendKeys, secretSettings } from '../../clusters/outside-backend.ts'
import type { Problem } from './problems.ts'
import type { SiteFile } from './schema.ts'
import { secretRef } from './secret-ref.ts'

const names = Object.keys(backendKeys) as [BackendName, ...BackendName[]]

/** Where the states of the site's Terraform roots lie, if not with the site. */
export const stateSchema = z.strictObject({
  backend: z.enum(names).describe('one of the backends that Terraform and OpenTofu bring'),
  settings: z
    .record(z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be a setting of the backend, such as bucket'), z.json())
    .default({})
    .describe(
      "the backend's settings, in Terraform's words, without secrets. `{root}` in a text is the root's name (volumes, cluster): one setting must have it, so that each root has a state of its own",
    ),
  secrets: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be a variable of the backend, such as PG_CONN_STR'), secretRef)
    .default({})
    .describe('variables that the backend takes its secrets from, such as AWS_SECRET_ACCESS_KEY'),
})

/** What the schema can't see of `state`. */
export function stateMistakes({ state }: SiteFile): Problem[] {
  if (state === undefined) return []
  const { backend, settings } = state
  const at = (...rest: string[]) => ['state', 'settings', ...rest]
  const usual = backendKeys[backend]
  const secret = Object.keys(settings).flatMap((setting) => {
    const variable = secretSettings[backend][setting]
    if (variable === undefined) return []
    return [{ path: at(setting), problem: `is a secret: give it as state.secrets.${variable}` }]
  })
  const shared = JSON.stringify(settings).includes('{root}')
    ? []
    : [
        {
          path: at(),
          problem: `no setting has {root}: the roots would overwrite each other; right is for example ${usual}: ${examples[backend]}`,
        },
      ]
  const path = backend === 'local' ? settings['path'] : undefined
  const relative =
    typeof path === 'string' && !path.startsWith('/')
      ? [{ path: at('path'), value: path, problem: 'right is a path from / on, such as /srv/states/{root}.tfstate' }]
      : []
  return [...secret, ...shared, ...relative]
}

/** Settings that are no secrets by their name in the backend; their values may still be. */
export function otherSettings({ state }: SiteFile): Readonly<Record<string, unknown>> {
  if (state === undefined) return {}
  const known = secretSettings[state.backend]
  return Object.fromEntries(Object.entries(state.settings).filter(([setting]) => known[setting] === undefined))
}

const examples: Readonly<Record<BackendName, string>> = {
  azurerm: 'omega/{root}.tfstate',
  consul: 'omega/{root}',
  cos: 'omega/{root}.tfstate',
  gcs: 'omega/{root}',
  http: 'https://states.example.org/omega/{root}',
  kubernetes: 'omega-{root}',
  local: '/srv/states/omega/{root}.tfstate',
  oss: 'omega/{root}.tfstate',
  pg: 'omega_{root}',
  s3: 'omega/{root}.tfstate',
}
