import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { buildImage } from '../../src/images/build.ts'
import { cacheFolder } from '../../src/tools/ensure.ts'
import { startImageRegistry } from './image-registry.ts'
import { findProgram } from './programs.ts'
import { type ServerProcess, startServer, untilReady } from './server-process.ts'

export interface Nginx {
  readonly program: string
  /** A line that loads the TCP module, where it is a file of its own. */
  readonly module: string
}

/** That of this machine, else the one in the site's own image, which is built when it was not yet. */
export async function findNginx(): Promise<Nginx> {
  const own = findProgram('nginx')
  const program = own ?? inImages() ?? (await built())
  const root = dirname(dirname(dirname(program)))
  const module = join(root, 'usr/lib/nginx/modules/ngx_stream_module.so')
  return { program, module: existsSync(module) ? `load_module ${module};\n` : '' }
}

function inImages(): string | undefined {
  const storage = join(cacheFolder(), 'images', 'storage', 'overlay')
  const [found] = globSync('*/diff/usr/sbin/nginx', { cwd: storage })
  return found === undefined ? undefined : join(storage, found)
}

async function built(): Promise<string> {
  const { address, stop } = await startImageRegistry()
  try {
    await buildImage('nginx', { project: resolve('.'), cache: cacheFolder(), registry: address })
  } finally {
    await stop()
  }
  const found = inImages()
  if (found !== undefined) return found
  throw new Error('the image nginx that was built has no /usr/sbin/nginx')
}

/** With a configuration and what it reads, by file name; ready once `health` answers. */
export async function startNginx(
  { program, module }: Nginx,
  folder: string,
  files: Readonly<Record<string, string>>,
  health: number,
): Promise<ServerProcess> {
  mkdirSync(join(folder, 'modules'), { recursive: true })
  writeFileSync(join(folder, 'modules', 'stream.conf'), module)
  writeFileSync(join(folder, 'resolver.conf'), '')
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 })
  const log = join(folder, 'nginx.log')
  const words = ['-e', '/dev/stderr', '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;']
  const server = startServer(program, words, { log })
  await untilReady('nginx', server, log, async () => (await answerOf(health)) === 'ok')
  return server
}

/** What a server sends after a line, until it closes the connection; rejects where it closes without a word. */
export async function answerOf(port: number, line = ''): Promise<string> {
  return await new Promise((done, failed) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => void (line !== '' && socket.write(line)))
    socket.setEncoding('utf8')
    socket.on('data', (more: string) => void (text += more))
    // One that is reset is closed, too.
    socket.once('error', () => {})
    socket.once('close', () => (text === '' ? failed(new Error(`port ${port} was closed without a word`)) : done(text)))
  })
}

export function logOf(folder: string): string {
  return readFileSync(join(folder, 'nginx.log'), 'utf8')
}
