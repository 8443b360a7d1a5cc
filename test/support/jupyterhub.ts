import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomWord } from '../../src/base/secrets.ts'
import { freePort } from './programs.ts'
import { startServer, untilReady } from './server-process.ts'

export interface TestHub {
  readonly access: { readonly url: string; readonly token: string }
  stop(): Promise<void>
}

// Versions as in images/jupyterhub/requirements.txt.
const PACKAGES = [
  'jupyterhub==6.1.1',
  'oauthenticator==17.4.0',
  'jupyterhub-kubespawner==7.1.0',
  'kubernetes_asyncio==36.1.0',
  'pymysql==1.2.4',
]

export interface MoreOfHub {
  readonly port?: number
  /** Lines of Python at the end of its configuration. */
  readonly config?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A real JupyterHub on loopback, with a proxy that forwards nothing and servers that only answer. */
export async function startJupyterhub(more: MoreOfHub = {}): Promise<TestHub> {
  const python = hubPython()
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-hub-'))
  const [hubPort, proxyPort] = [more.port ?? (await freePort()), await freePort()]
  const access = { url: `http://127.0.0.1:${hubPort}`, token: randomWord(32) }
  const config = configuration(folder, hubPort, proxyPort, access.token)
  writeFileSync(join(folder, 'config.py'), `${config}\n${more.config ?? ''}`, { mode: 0o600 })
  const log = join(folder, 'hub.log')
  const args = ['-m', 'jupyterhub', '-f', join(folder, 'config.py')]
  const server = startServer(python, args, { log, cwd: folder, env: { HOME: folder, ...more.env } })
  const stop = async (): Promise<void> => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  await untilReady('jupyterhub', server, log, async () => (await fetch(`${access.url}/hub/api/`)).ok)
  return { access, stop }
}

function configuration(folder: string, hubPort: number, proxyPort: number, token: string): string {
  return `
import sys
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import LocalProcessSpawner

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): self.routes[routespec] = dict(routespec=routespec, target=target, data=data)
    async def delete_route(self, routespec): self.routes.pop(routespec, None)
    async def get_all_routes(self): return dict(self.routes)
    def __init__(self, **kwargs): super().__init__(**kwargs); self.routes = {}
    async def check_routes(self, *args, **kwargs): pass

SERVER = """
import http.server, os, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('X-JupyterHub-Version', '6.1.1'); self.end_headers()
url = urllib.parse.urlparse(os.environ['JUPYTERHUB_SERVICE_URL'])
http.server.HTTPServer(('127.0.0.1', url.port), Handler).serve_forever()
"""

class Answering(LocalProcessSpawner):
    cmd = [sys.executable, '-c', SERVER]
    def make_preexec_fn(self, name): return lambda: None
    def user_env(self, env): return env
    def get_args(self): return []

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Answering
c.JupyterHub.authenticator_class = 'null'
c.Authenticator.username_pattern = '^[a-z][a-z0-9]{2,29}$'
c.JupyterHub.bind_url = 'http://127.0.0.1:${proxyPort}'
c.JupyterHub.hub_bind_url = 'http://127.0.0.1:${hubPort}'
c.JupyterHub.db_url = 'sqlite:///${folder}/hub.sqlite'
c.JupyterHub.cookie_secret_file = '${folder}/cookie'
c.JupyterHub.cleanup_servers = True
c.ConfigurableHTTPProxy.pid_file = '${folder}/proxy.pid'
c.JupyterHub.services = [dict(name='cloudmgr', api_token='${token}', admin=True)]
c.JupyterHub.load_roles = [dict(name='cloudmgr', scopes=['admin:users', 'admin:servers', 'list:users'], services=['cloudmgr'])]
`
}

/** Python with JupyterHub and the spawner, in the cache. */
export function hubPython(): string {
  const cache = process.env['CLOUDMGR_CACHE'] ?? join(homedir(), '.cache', 'cloudmgr')
  const folder = join(cache, 'jupyterhub-6.1.1-spawner')
  const python = join(folder, 'bin', 'python')
  if (existsSync(join(folder, 'complete'))) return python
  mkdirSync(cache, { recursive: true })
  rmSync(folder, { recursive: true, force: true })
  execFileSync('python3', ['-m', 'venv', folder])
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  // Written last: an installation that was cut off is made again.
  writeFileSync(join(folder, 'complete.part'), '')
  renameSync(join(folder, 'complete.part'), join(folder, 'complete'))
  return python
}
