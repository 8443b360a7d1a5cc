import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'

/** The API describes itself at `/api/v2/openapi.json`; the typed client is generated from it. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'cloudmgr', description: 'Cloud Manager of omega|ml', version },
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'ApiKey <userid>:<apikey>' },
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'of POST /token-auth/' },
          session: { type: 'apiKey', in: 'cookie', name: 'cloudmgr', description: '__Host-cloudmgr over HTTPS' },
          bootstrap: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'Bootstrap <key>' },
        },
      },
      security: [{ apiKey: [] }, { token: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  app.get('/api/v2/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
