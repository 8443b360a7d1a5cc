import { type IncomingMessage, request } from 'node:http'
import { AppError } from '../base/errors.ts'
import type { HttpAnswer, HttpRequest, Target } from './http.ts'

/** The service says something every 15 seconds: a connection that is silent longer than this is lost. */
const SILENT_MS = 45_000

/** One server-sent event. */
export interface ServerEvent {
  readonly event: string
  readonly id: string
  readonly data: string
}

/**
 * The events of an answer until it ends; another answer than 200 is given to `refused`, whose error is thrown. Rejects
 * with `unavailable` when the connection is lost: come back with the last id.
 */
export async function* serverEvents(
  target: Target,
  wanted: HttpRequest,
  refused: (answer: HttpAnswer) => AppError,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const outgoing = request({
    ...target,
    method: wanted.method,
    path: wanted.path,
    headers: { accept: 'text/event-stream', ...wanted.headers },
    agent: false,
    signal,
  })
  outgoing.setTimeout(SILENT_MS, () => outgoing.destroy(new Error(`silent for ${SILENT_MS / 1000} seconds`)))
  let text = ''
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve)
      outgoing.once('error', reject)
      outgoing.end()
    })
    answer.setEncoding('utf8')
    for await (const chunk of answer) {
      text += String(chunk)
      if (answer.statusCode !== 200) continue
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts.filter((one) => !one.startsWith(':'))) yield parseEvent(part)
    }
    if (answer.statusCode !== 200) throw refused({ status: answer.statusCode ?? 0, body: asJson(text) })
  } catch (cause) {
    if (cause instanceof AppError || signal.aborted) throw cause
    throw new AppError('unavailable', 'stream-lost', `following ${wanted.path}`, { cause })
  } finally {
    outgoing.destroy()
  }
}

function parseEvent(text: string): ServerEvent {
  const fields = Object.fromEntries(text.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
  return { event: fields['event'] ?? 'message', id: fields['id'] ?? '', data: fields['data'] ?? '' }
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // A proxy's page.
    return text
  }
}
