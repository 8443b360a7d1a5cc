import { z } from 'zod'
import { secretRef } from './secret-ref.ts'

const pem = (about: string) =>
  z
    .strictObject({ file: z.string().min(1).describe("path of the PEM file, relative to the site file's folder") })
    .describe(about)

/** How the site has its certificate, for `hub.`, `notebook.`, `*.notebook.`, `mongo.` and `broker.` of its domain. */
export const tlsSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none').describe('plain HTTP, for sites on loopback only') }),
  z.strictObject({
    kind: z
      .literal('local-ca')
      .describe("certificates of the site's own authority, which `cloudmgr ca` prints; `up` renews them in time"),
  }),
  z.strictObject({
    kind: z
      .literal('given')
      .describe(
        'a certificate that you have, for `hub.`, `notebook.`, `*.notebook.`, `mongo.` and `broker.` of the domain. `up` with new files renews it, without a restart',
      ),
    certificate: pem('the certificate, then those between it and its authority'),
    key: secretRef.describe('its private key, PEM without a passphrase'),
    ca: pem('the authority that signed it, where the world does not know it').optional(),
  }),
  z.strictObject({
    kind: z
      .literal('issuer')
      .describe(
        'certificates by cert-manager in the cluster, which renews them. The issuer must be able to sign `*.notebook.` of the domain: an ACME issuer proves that by DNS-01',
      ),
    issuer: z.string().min(1).describe('name of the issuer, which is there'),
    issuerKind: z
      .enum(['ClusterIssuer', 'Issuer'])
      .default('ClusterIssuer')
      .describe('whether it is one of the cluster, or of namespace `omegaml-services`'),
  }),
])
