import { z } from 'zod'
import { secretRef } from './secret-ref.ts'

const values = (chart: string, at?: string) =>
  z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      `chart values that win over those of cloudmgr, ${at === undefined ? `for chart ${chart}` : `as below \`${at}\` of chart ${chart}`} (\`charts/${chart}/values.yaml\`)`,
    )

const system = 'omegaml-system'
const host = z.string().min(1).describe('host of the service')
const port = (usual: number) => z.int().min(1).max(65_535).default(usual).describe('its port')

const mongodb = z.strictObject({
  host,
  port: port(27017),
  username: secretRef.describe('a user that may create users'),
  password: secretRef.describe('password of that user'),
})
const mysql = z.strictObject({
  host,
  port: port(3306),
  passwords: z
    .strictObject({
      omegaweb: secretRef.describe('password of user omegaweb'),
      cloudmgr: secretRef.describe('password of user cloudmgr'),
      jupyterhub: secretRef.describe('password of user jupyterhub'),
    })
    .describe('passwords of the users that `charts/omegaml-system/README.md` says how to make'),
})
const rabbitmq = z.strictObject({
  host,
  port: port(5672),
  managementUrl: z.url().describe('URL of its management API'),
  username: secretRef.describe('an administrator'),
  password: secretRef.describe('password of the administrator'),
  observerPassword: secretRef.describe('password of the observer omegaweb'),
})
const jupyterhub = z.strictObject({
  apiUrl: z.url().describe("URL of the hub's API"),
  apiToken: secretRef.describe('token of that API'),
})

/** Parts of the site with their chart values, and services elsewhere in place of them. */
export const componentsSchema = z.strictObject({
  mongodb: z
    .strictObject({
      external: mongodb.optional().describe('a MongoDB elsewhere, used instead'),
      values: values(system, 'mongodb'),
    })
    .optional()
    .describe("MongoDB: the accounts' data"),
  mysql: z
    .strictObject({
      external: mysql.optional().describe('a MySQL or MariaDB elsewhere, used instead'),
      values: values(system, 'mysql'),
    })
    .optional()
    .describe("MariaDB: cloudmgr's and JupyterHub's rows"),
  rabbitmq: z
    .strictObject({
      external: rabbitmq.optional().describe('a RabbitMQ elsewhere, used instead'),
      values: values(system, 'rabbitmq'),
    })
    .optional()
    .describe('RabbitMQ: the broker'),
  jupyterhub: z
    .strictObject({
      external: jupyterhub.optional().describe('a JupyterHub elsewhere, used instead'),
      values: values(system, 'jupyterhub'),
    })
    .optional()
    .describe('JupyterHub: notebooks'),
  omegaweb: z
    .strictObject({ values: values(system, 'omegaweb') })
    .optional()
    .describe('portal and API'),
  cloudmgr: z
    .strictObject({ values: values(system, 'cloudmgr') })
    .optional()
    .describe('the engine'),
  system: z
    .strictObject({ values: values(system) })
    .optional()
    .describe('all of chart omegaml-system'),
  storage: z
    .strictObject({ values: values('omegaml-storage') })
    .optional()
    .describe('volumes and claims'),
  ingress: z
    .strictObject({ values: values('omegaml-ingress') })
    .optional()
    .describe('the way in'),
  worker: z
    .strictObject({ values: values('omegaml-worker') })
    .optional()
    .describe('the shared runtime workers'),
})
