import { unwatchFile, watchFile } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Log } from '../base/log.ts'
import { findJson } from './files.ts'
import { type Door, doorsOf, type ForwardPort } from './doors.ts'

/** Written by the supervisor. */
export interface ForwardConfig {
  readonly listen: readonly ForwardPort[]
  /** Addresses of the machines that are ready: they take connections. */
  readonly targets: readonly string[]
  /** Addresses of all machines. One that is gone can't end its connections: they are ended here. */
  readonly machines: readonly string[]
}

const nothing: ForwardConfig = { listen: [], targets: [], machines: [] }

/** A program of its own: ports of the host lead to ports of any machine that is ready. Follows its file. */
export class Forwarder {
  private readonly file: string
  private readonly log: Log
  private config = nothing
  /** By the door's key. */
  private readonly servers = new Map<string, Server>()
  private readonly refused = new Map<string, string>()
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
    // A port that another program held is taken as soon as it is free; and what was written between the first reading and
    // the watcher's first look, which it takes for the beginning, is read now.
    this.timer = setInterval(() => this.read(), 2000)
  }

  stop(): void {
    unwatchFile(this.file)
    clearInterval(this.timer)
    for (const server of this.servers.values()) server.close()
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
    const doors = doorsOf(this.config.listen)
    const wanted = new Set(doors.map(({ key }) => key))
    for (const [key, server] of this.servers) {
      if (wanted.has(key)) continue
      server.close()
      this.servers.delete(key)
    }
    for (const door of doors) if (!this.servers.has(door.key)) this.open(door)
  }

  private open({ key, address, port, optional }: Door): void {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.serve(client, port))
    server.on('listening', () => this.refused.delete(key))
    server.on('error', (error) => {
      if (this.refused.get(key) !== error.message) {
        this.log.warn('port not opened', { address, port, error: error.message })
        this.refused.set(key, error.message)
      }
      // The next look tries again: a program may end, an address may come back.
      if (!optional && this.servers.get(key) === server) this.servers.delete(key)
    })
    this.servers.set(key, server.listen(port, address))
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
