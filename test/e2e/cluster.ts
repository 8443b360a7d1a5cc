import { join } from 'node:path'
import { execa } from 'execa'
import type { TestSite } from './cli.ts'

/** Runs kubectl as the site's admin; returns what it printed. */
export async function kubectl(site: TestSite, ...words: string[]): Promise<string> {
  const program = join(process.env['CLOUDMGR_TOOLS_BIN'] ?? '', 'kubectl')
  const { stdout } = await execa(program, ['--kubeconfig', join(site.state, 'kubeconfig'), ...words])
  return stdout
}

export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly ip: string
}

/** The notebook server's pod of an account's namespace. */
export async function podIn(site: TestSite, namespace: string): Promise<Pod> {
  const selector = ['-l', 'component=singleuser-server', '--field-selector', 'status.phase=Running']
  const path = 'jsonpath={.items[0].metadata.name} {.items[0].status.podIP}'
  const [name = '', ip = ''] = (await kubectl(site, 'get', 'pods', '-n', namespace, ...selector, '-o', path)).split(' ')
  return { namespace, name, ip }
}

/** Whether a TCP connection from the pod to the address opens within three seconds. */
export async function reaches(site: TestSite, pod: Pod, host: string, port: number): Promise<boolean> {
  const program = [
    'import socket, sys',
    'try:',
    '  socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close(); print("open")',
    'except OSError as error:',
    '  print("closed", error)',
  ].join('\n')
  const words = ['exec', '-n', pod.namespace, pod.name, '--', 'python3', '-c', program, host, String(port)]
  return (await kubectl(site, ...words)) === 'open'
}
