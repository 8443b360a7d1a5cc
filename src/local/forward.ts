import { unwatchFile, watchFile } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Log } from '../base/log.ts'
import { findJson } from './files.ts'

/** Written by the supervisor. */
export interface ForwardConfig {
  /** Address that is listened on instead of the loopback. */
  readonly address?: string
  readonly listen: readonly { readonly host: number; readonly node: number }[]
  /** Addresses of the machines that are ready: they take connections. */
  readonly targets: readonly string[]
  /** Addresses of all machines. One that is gone can't end its connections: they are ended here. */
  readonly machines: readonly string[]
}

const nothing: ForwardConfig = { listen: [], targets: [], machines: [] }

/** `*.localhost` is looked up as either; a host without IPv6 has only the first. */
const loopbacks = ['127.0.0.1', '::1']

/** A program of its own: ports of the host's loopback lead to ports of any machine that is ready. Follows its file. */
export class Forwarder {
  private readonly file: string
  private readonly log: Log
  private config = nothing
  private readonly servers = new Map<number, Server[]>()
  private readonly connections = new Map<Socket, string>()
  private next = 0
  private timer: NodeJS.Timeout | undefined

  constructor(file: string, log: Log) {
    this.file = file
    this.log = log
  }

  start(): void {
    this.read()
    watchFile(this.file, { interval: 300 }, () => this.read())
    // A port that another program held is taken as soon as it is free.
    this.timer = setInterval(() => this.listen(), 2000)
  }

  stop(): void {
    unwatchFile(this.file)
    clearInterval(this.timer)
    for (const server of [...this.servers.values()].flat()) server.close()
    for (const server of this.connections.keys()) server.destroy()
  }

  private read(): void {
    try {
      this.config = findJson<ForwardConfig>(this.file) ?? nothing
    } catch (error) {
      this.log.warn('configuration not understood, going on with the one before', { error: String(error) })
    }
    this.listen()
    this.endLost()
  }

  /** Without a word from the machine the client would wait forever. */
  private endLost(): void {
    const alive = new Set(this.config.machines)
    for (const [server, address] of this.connections) if (!alive.has(address)) server.destroy()
  }

  private listen(): void {
    const wanted = new Set(this.config.listen.map(({ host }) => host))
    for (const [host, servers] of this.servers) {
      if (wanted.has(host)) continue
      for (const server of servers) server.close()
      this.servers.delete(host)
    }
    for (const { host } of this.config.listen) if (!this.servers.has(host)) this.open(host)
  }

  private open(host: number): void {
    const { address: own } = this.config
    const addresses = own === undefined ? loopbacks : [own]
    const servers = addresses.map((address) => {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.serve(client, host))
      server.on('error', (error) => {
        this.log.warn('port not opened', { address, port: host, error: error.message })
        if (address === addresses[0]) this.servers.delete(host)
      })
      return server.listen(host, address)
    })
    this.servers.set(host, servers)
  }

  private serve(client: Socket, host: number): void {
    client.on('error', () => client.destroy())
    const node = this.config.listen.find((entry) => entry.host === host)?.node
    const { targets } = this.config
    this.next += 1
    const order = targets.map((_, index) => targets[(index + this.next) % targets.length] ?? '')
    if (node === undefined) client.destroy()
    else this.tryTargets(client, order, node)
  }

  /** The next machine when one does not answer; nothing is lost, because nothing was read from the client yet. */
  private tryTargets(client: Socket, targets: readonly string[], node: number): void {
    const [address, ...others] = targets
    if (address === undefined || client.destroyed) return void client.destroy()
    const server = connect({ host: address, port: node, allowHalfOpen: true })
    const timer = setTimeout(() => server.destroy(new Error('no answer')), 3000)
    const failed = (): void => {
      clearTimeout(timer)
      server.destroy()
      this.tryTargets(client, others, node)
    }
    server.once('error', failed)
    server.once('connect', () => {
      clearTimeout(timer)
      server.off('error', failed)
      this.connections.set(server, address)
      server.once('close', () => this.connections.delete(server))
      join(client, server)
    })
  }
}

function join(client: Socket, server: Socket): void {
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.setNoDelay(true)
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
  client.resume()
}
