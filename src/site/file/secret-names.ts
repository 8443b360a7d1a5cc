import type { SiteFile } from './schema.ts'
import type { SecretRef } from './secret-ref.ts'

/** Secrets in namespace `omegaml-services` that are made of the site file's references. */
export const secretNames = {
  mongodb: 'site-mongodb',
  mysql: 'site-mysql',
  rabbitmq: 'site-rabbitmq',
  jupyterhub: 'site-jupyterhub',
  mail: 'site-mail',
  tls: 'site-tls',
} as const

/** A key of a Secret and where its value comes from. */
export interface NamedRef {
  readonly secret: string
  readonly key: string
  readonly ref: SecretRef
  /** The field of the site file. */
  readonly path: readonly PropertyKey[]
}

/** Every secret of the file that components get. */
export function namedRefs({ components, mail, tls }: SiteFile): NamedRef[] {
  const { mongodb, mysql, rabbitmq, jupyterhub } = components
  const within = (part: string, ...rest: string[]) => ['components', part, 'external', ...rest]
  const given = tls.kind === 'given' ? tls : undefined
  const found: (Omit<NamedRef, 'ref'> & { ref: SecretRef | undefined })[] = [
    {
      secret: secretNames.mongodb,
      key: 'username',
      ref: mongodb?.external?.username,
      path: within('mongodb', 'username'),
    },
    {
      secret: secretNames.mongodb,
      key: 'password',
      ref: mongodb?.external?.password,
      path: within('mongodb', 'password'),
    },
    ...(['omegaweb', 'cloudmgr', 'jupyterhub'] as const).map((user) => ({
      secret: secretNames.mysql,
      key: `${user}-password`,
      ref: mysql?.external?.passwords[user],
      path: within('mysql', 'passwords', user),
    })),
    {
      secret: secretNames.rabbitmq,
      key: 'username',
      ref: rabbitmq?.external?.username,
      path: within('rabbitmq', 'username'),
    },
    {
      secret: secretNames.rabbitmq,
      key: 'password',
      ref: rabbitmq?.external?.password,
      path: within('rabbitmq', 'password'),
    },
    {
      secret: secretNames.rabbitmq,
      key: 'omegaweb-password',
      ref: rabbitmq?.external?.observerPassword,
      path: within('rabbitmq', 'observerPassword'),
    },
    {
      secret: secretNames.jupyterhub,
      key: 'api-token',
      ref: jupyterhub?.external?.apiToken,
      path: within('jupyterhub', 'apiToken'),
    },
    { secret: secretNames.mail, key: 'password', ref: mail?.smtp?.password, path: ['mail', 'smtp', 'password'] },
    { secret: secretNames.tls, key: 'tls.crt', ref: given?.certificate, path: ['tls', 'certificate'] },
    { secret: secretNames.tls, key: 'tls.key', ref: given?.key, path: ['tls', 'key'] },
  ]
  return found.flatMap(({ ref, ...rest }) => (ref === undefined ? [] : [{ ...rest, ref }]))
}
