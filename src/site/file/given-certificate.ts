import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'
import { AppError } from '../../base/errors.ts'
import { fieldName } from '../../catalog/load.ts'
import { certificateProblems, type CertificateProblem, certificatesOf } from './certificate.ts'
import { domainOf } from './domain.ts'
import type { ParsedFile } from './read.ts'
import { secretNames } from './secret-names.ts'
import { type GivenSecrets, resolveBeside } from './secret-values.ts'

/** Who is known to sign certificates, and what time it is. */
export interface CertificateFacts {
  /** PEM of those that this computer knows. */
  readonly authorities: () => readonly string[]
  readonly now: () => Date
}

export const certificateFacts: CertificateFacts = {
  authorities: () => [...getCACertificates('default'), ...getCACertificates('system')],
  now: () => new Date(),
}

/** Refuses a given certificate that browsers or clients would refuse; everything that is wrong with it at once. */
export function checkGivenCertificate(file: ParsedFile, given: GivenSecrets, facts: CertificateFacts): void {
  const { tls } = file.site
  if (tls.kind !== 'given') return
  const of = (key: string) => given[`${secretNames.tls}/${key}`] ?? ''
  const own = givenAuthority(file)
  const found =
    own !== undefined && certificatesOf(own).length === 0
      ? [{ part: 'ca' as const, problem: 'no certificate is in it; right is PEM text' }]
      : certificateProblems({
          chain: of('tls.crt'),
          key: of('tls.key'),
          domain: domainOf(file.site),
          authorities: [...facts.authorities(), ...(own === undefined ? [] : [own])],
          now: facts.now(),
        })
  if (found.length > 0) throw invalid(file, found)
}

function invalid(file: ParsedFile, found: readonly CertificateProblem[]): AppError {
  const errors = found.map(({ part, problem }) => ({
    line: file.lineOf(['tls', part]),
    field: fieldName(['tls', part]),
    problem,
  }))
  const text = errors.map(({ field, line, problem }) => `${file.path}:${line}: ${field}: ${problem}`).join('\n  ')
  return new AppError('invalid', 'certificate-invalid', text, { details: { file: file.path, errors } })
}

/** The authority that the site file names for its certificate, PEM. */
export function givenAuthority(file: Pick<ParsedFile, 'site' | 'path' | 'lineOf'>): string | undefined {
  const { tls } = file.site
  if (tls.kind !== 'given' || tls.ca === undefined) return undefined
  const path = resolveBeside(file.path, tls.ca.file)
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const problem = `file ${path} can't be read (${(cause as NodeJS.ErrnoException).code})`
    const text = `${file.path}:${file.lineOf(['tls', 'ca'])}: tls.ca: ${problem}`
    throw new AppError('invalid', 'certificate-invalid', text, { details: { field: 'tls.ca', value: path } })
  }
}
