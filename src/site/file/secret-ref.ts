import { z } from 'zod'

/** Where a secret of the site file is; the secret itself never stands in the file. */
export type SecretRef =
  | { readonly env: string }
  | { readonly file: string }
  | { readonly sops: string; readonly key: string }

export const secretForms = '{env: NAME}, {file: path} or {sops: path, key: a.b}'

const byEnv = z.strictObject({
  env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable, such as SMTP_PASSWORD')
    .describe('name of the environment variable that holds it when `up` runs'),
})
const byFile = z.strictObject({
  file: z.string().min(1).describe("path of a file that holds nothing else; relative to the site file's folder"),
})
const bySops = z.strictObject({
  sops: z.string().min(1).describe("path of a file encrypted with sops; relative to the site file's folder"),
  key: z
    .string()
    .regex(/^[\w-]+(\.[\w-]+)*$/, 'must be names with dots between, such as mail.password')
    .describe('which value of it, names with dots between'),
})

/** Mark of secret fields in the schema: values below it are never shown. */
export const secretMark = { title: 'secret' } as const

/** A secret by reference. Plain text is refused, and not repeated in the message. */
export const secretRef = z
  .union([byEnv, byFile, bySops], {
    error: ({ input }) =>
      input === undefined
        ? `is missing; right is ${secretForms}`
        : `a secret never stands in the file; right is ${secretForms}`,
  })
  .meta(secretMark)

export function describeRef(ref: SecretRef): string {
  if ('env' in ref) return `variable ${ref.env}`
  if ('file' in ref) return `file ${ref.file}`
  return `${ref.key} of ${ref.sops}`
}
