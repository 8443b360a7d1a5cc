import { AppError, type ErrorKind, explain } from '../../src/base/errors.ts'

/** A call of an adapter that lies in another process: what an engine changed there outlives it. */
export interface Call {
  readonly call: number
  readonly adapter: string
  readonly method: string
  readonly args: readonly unknown[]
}

export interface Answer {
  readonly call: number
  readonly value?: unknown
  readonly error?: { readonly kind: ErrorKind; readonly code: string; readonly message: string }
}

export type Adapter = Readonly<Record<string, (...args: unknown[]) => unknown>>

/** In the process that has the adapters. */
export async function answerCall(adapter: Adapter | undefined, { call, method, args }: Call): Promise<Answer> {
  try {
    return { call, value: await adapter?.[method]?.(...args) }
  } catch (error) {
    const { kind, code } = error instanceof AppError ? error : { kind: 'bug' as const, code: 'unforeseen' }
    return { call, error: { kind, code, message: explain(error) } }
  }
}

/** In the process that has none: adapters of any kind, every method of which asks the parent. */
export function remoteAdapters(): <One>(adapter: string) => One {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  process.on('message', ({ call, value, error }: Answer) => {
    const asked = waiting.get(call)
    waiting.delete(call)
    if (error === undefined) asked?.resolve(value)
    else asked?.reject(new AppError(error.kind, error.code, error.message))
  })
  const ask = (adapter: string, method: string, args: readonly unknown[]): Promise<unknown> => {
    const asked = Promise.withResolvers<unknown>()
    const call: Call = { call: ++last, adapter, method, args: args.map(plain) }
    waiting.set(call.call, asked)
    process.send?.(call)
    return asked.promise
  }
  return <One>(adapter: string): One =>
    new Proxy(
      {},
      {
        get:
          (_, method) =>
          async (...args: unknown[]) =>
            await ask(adapter, String(method), args),
      },
    ) as One
}

/** Signals and listeners stay here. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map) return value
  const entries = Object.entries(value).filter(([, one]) => typeof one !== 'function' && !(one instanceof AbortSignal))
  return Object.fromEntries(entries)
}
