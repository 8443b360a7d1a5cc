import { z } from 'zod'
import { secretRef } from './secret-ref.ts'

const place = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(\/[a-z0-9]+([._-][a-z0-9]+)*)*$/,
    'must be a registry with its port and path, such as registry.example.com/omega; without https://',
  )

/** Where `up` pushes the images that it builds, and the machines pull them from. */
export const imagesSchema = z.strictObject({
  registry: place.describe('registry that the machines pull from, perhaps with a path'),
  push: place
    .optional()
    .describe('where this machine reaches it, if not by the same address; on the loopback it is spoken to without TLS'),
  username: secretRef.optional().describe('who signs in there'),
  password: secretRef.optional().describe('password or token; becomes the pull secret `site-registry`'),
  ca: z
    .strictObject({ file: z.string().min(1).describe("path of the PEM file, relative to the site file's folder") })
    .optional()
    .describe(
      'authority of its certificate, where the world does not know it; who runs the nodes makes it known to them',
    ),
})
