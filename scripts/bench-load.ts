import { Agent, request } from 'node:http'
import { Worker } from 'node:worker_threads'

export interface Load {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of a core for each request, of the server and whoever asks together: what else the machine does is not in it. */
  readonly cpuMs: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** One request that must be answered with 200. */
export function ask(port: number, path: string, authorization: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent, headers: { authorization } }, (answer) => {
      answer.resume()
      answer.once('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`${path} answered ${answer.statusCode}`)),
      )
    })
    sent.once('error', reject)
    sent.end()
  })
}

/** A fixed number of requests, a few at a time. */
export async function load(count: number, atOnce: number, send: (index: number) => Promise<void>): Promise<Load> {
  const times: number[] = []
  let next = 0
  const began = performance.now()
  const cpu = process.cpuUsage()
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const start = performance.now()
      await send(index)
      times.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = count / ((performance.now() - began) / 1000)
  return { perSecond, p50Ms: at(0.5), p99Ms: at(0.99), cpuMs: (user + system) / 1000 / count }
}

export interface FromElsewhere {
  readonly port: number
  readonly path: string
  /** How each signs in, one after the other. */
  readonly people: readonly string[]
  readonly count: number
  readonly atOnce: number
}

/** As `load`, asked by a thread of its own: CPU is the server's alone. */
export async function loadFromElsewhere(wanted: FromElsewhere): Promise<Load> {
  const worker = new Worker(new URL('bench-asker.ts', import.meta.url), { workerData: wanted })
  const began = process.threadCpuUsage()
  const asked = await new Promise<Load>((resolve, reject) => worker.once('message', resolve).once('error', reject))
  const { user, system } = process.threadCpuUsage(began)
  return { ...asked, cpuMs: (user + system) / 1_000 / wanted.count }
}

export const show = ({ perSecond, p50Ms, p99Ms, cpuMs }: Load): string =>
  `${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, CPU ${cpuMs.toFixed(2)} ms`
