import type { FastifyInstance } from 'fastify'
import type { SiteFacts } from '../deployments/site-facts.ts'

/** A simulated site has no JupyterHub: whoever follows a link to the notebooks is told so, by its one front door. */
export function refuseNotebooks(app: FastifyInstance, { notebookUrl, publicUrl }: SiteFacts): void {
  const { hostname } = new URL(notebookUrl)
  const text = `This site is simulated: it has no JupyterHub, so there are no notebooks here.\nThe portal: ${publicUrl}\n`
  app.addHook('onRequest', async (request, reply) => {
    const isNotebook = request.hostname === hostname || request.hostname.endsWith(`.${hostname}`)
    if (isNotebook) return await reply.status(501).type('text/plain; charset=utf-8').send(text)
  })
}
