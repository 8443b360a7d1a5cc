import { existsSync, readFileSync } from 'node:fs'
import { AppError } from '../base/errors.ts'
import { clientVariables } from './reach-text.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, openSite, print, printJson } from './io.ts'

/** Prints the path of the admin's kubeconfig: `kubectl --kubeconfig $(./cloudmgr kubeconfig) get pods -A`. */
export async function kubeconfig(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { paths } = openSite(options)
  if (!existsSync(paths.kubeconfig)) {
    throw new AppError('not-found', 'no-kubeconfig', 'the site has no cluster yet: ./cloudmgr up makes it')
  }
  if (options.json === true) printJson(io, { kubeconfig: paths.kubeconfig })
  else print(io, paths.kubeconfig)
  return exitCodes.ok
}

/** Prints the site's certificate authority, and the variables that make the client trust it. */
export async function ca(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { site, paths } = openSite(options)
  const file = existsSync(paths.authority) ? paths.authority : paths.ca
  if (!existsSync(file)) {
    const operator = await io.operator()
    const certificate = await operator.cloud(site, paths).certificate()
    if (certificate === undefined)
      throw new AppError('not-found', 'no-ca', 'the site has no certificate authority yet: ./cloudmgr up makes it')
    if (options.json === true) printJson(io, { ca: certificate, file: null })
    else print(io, certificate.trimEnd())
    return exitCodes.ok
  }
  const pem = readFileSync(file, 'utf8')
  if (options.json === true) printJson(io, { ca: pem, file, variables: clientVariables })
  else {
    print(io, pem.trimEnd())
    io.err.write(`for the client: export ${clientVariables.map((name) => `${name}=${file}`).join(' ')}\n`)
  }
  return exitCodes.ok
}
