import { type ChildProcess, spawn } from 'node:child_process'
import { AppError } from '../../base/errors.ts'
import { cleanEnv } from '../process/run.ts'

/** A port of this machine's loopback that leads to a Service of the cluster. */
export interface Tunnel {
  /** Opens it, or answers with what is open. Errors: `unavailable/no-tunnel`. */
  port(): Promise<number>
  close(): void
}

export interface TunnelOptions {
  /** Path of kubectl; looked up when it is needed. */
  readonly kubectl: () => string
  readonly kubeconfig: string
  readonly namespace: string
  readonly service: string
  /** Of the Service. */
  readonly port: number
}

const SETPRIV = '/usr/bin/setpriv'
const OPEN_MS = 30_000

/**
 * Through the API server: works wherever the kubeconfig does, before names lead to the Service and load balancers have
 * addresses. kubectl's tunnel ends with its pod, and with us; it is opened anew when it is asked for.
 */
export function createTunnel(options: TunnelOptions): Tunnel {
  let opened: { readonly child: ChildProcess; readonly port: Promise<number> } | undefined
  const close = () => {
    opened?.child.kill('SIGTERM')
    opened = undefined
  }
  return {
    close,
    port: async () => {
      if (opened === undefined || hasEnded(opened.child)) {
        const child = start(options)
        opened = { child, port: portOf(child, options) }
      }
      try {
        return await opened.port
      } catch (cause) {
        close()
        throw cause
      }
    },
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

function start({ kubectl, kubeconfig, namespace, service, port }: TunnelOptions): ChildProcess {
  const forward = ['port-forward', '--address=127.0.0.1', `--namespace=${namespace}`, `service/${service}`, `:${port}`]
  // With us it ends, however we do.
  const words = ['--pdeathsig', 'TERM', kubectl(), `--kubeconfig=${kubeconfig}`, ...forward]
  return spawn(SETPRIV, words, { env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Resolves when the tunnel listens. Until then the process waits for it, afterwards it is no reason to stay. */
function portOf(child: ChildProcess, { namespace, service }: TunnelOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (why: string) =>
      reject(
        new AppError(
          'unavailable',
          'no-tunnel',
          `opening a way to Service ${namespace}/${service} through the API server: ${why}`,
        ),
      )
    const limit = setTimeout(() => fail(`nothing within ${OPEN_MS / 1000} s`), OPEN_MS)
    child.once('error', (error) => fail(error.message))
    child.once('exit', () => {
      clearTimeout(limit)
      fail(said.trim().split('\n').at(-1) ?? '')
    })
    child.stderr?.on('data', (data: Buffer) => {
      said = `${said}${data.toString()}`.slice(-2000)
    })
    child.stdout?.on('data', (data: Buffer) => {
      const [, port] = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(data.toString()) ?? []
      if (port === undefined) return
      clearTimeout(limit)
      letGo(child)
      resolve(Number(port))
    })
  })
}

function letGo(child: ChildProcess): void {
  child.unref()
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref()
}
