import { pino } from 'pino'

/** Constant text plus fields; never a secret. */
export interface Log {
  debug(text: string, fields?: object): void
  info(text: string, fields?: object): void
  warn(text: string, fields?: object): void
  error(text: string, fields?: object): void
}

/** JSON lines on standard error, level by LOG_LEVEL (default `info`). */
export function createLog(name: string): Log {
  const logger = pino({ name, level: process.env['LOG_LEVEL'] ?? 'info' }, pino.destination(2))
  return {
    debug: (text, fields) => logger.debug(fields ?? {}, text),
    info: (text, fields) => logger.info(fields ?? {}, text),
    warn: (text, fields) => logger.warn(fields ?? {}, text),
    error: (text, fields) => logger.error(fields ?? {}, text),
  }
}

/** For tests and for programs whose output is for people. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
