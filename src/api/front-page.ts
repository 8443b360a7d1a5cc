import type { FastifyInstance } from 'fastify'
import type { ApiDeps } from './deps.ts'

/** `GET /`: says what this is, until the portal lives here. */
export function frontPage(app: FastifyInstance, deps: Pick<ApiDeps, 'site'>): void {
  const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>omega|ml ${escape(deps.site.domain)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem}code{background:#eee;padding:.1em .3em}</style></head>
<body>
<h1>omega|ml</h1>
<p>This is the hub of <strong>${escape(deps.site.domain)}</strong>: it signs in the omega|ml client and serves the API of cloudmgr.</p>
<ul>
<li>Client: <code>om cloud login USERID APIKEY --apiurl ${escape(deps.site.publicUrl)}</code></li>
<li>Notebooks: <a href="${escape(deps.site.notebookUrl)}">${escape(deps.site.notebookUrl)}</a> (sign in with user id and API key)</li>
<li>API: <a href="/api/v2/openapi.json">/api/v2/openapi.json</a></li>
</ul>
</body>
</html>
`
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.type('text/html; charset=utf-8').send(page))
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
