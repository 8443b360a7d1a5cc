import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

const path = '/api/v2/signing-keys'

interface SigningKeys {
  readonly keys: readonly { readonly kid: string; readonly signs: boolean; readonly endsAt?: string }[]
}

/** The keys of tokens and of the OpenID Connect provider. */
export async function listSigningKeys(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  return show(await api.call<SigningKeys>({ path }), options, io)
}

export interface RotateOptions extends GlobalOptions {
  readonly endOld?: boolean | undefined
}

/** A new key signs; what older ones signed holds until its end, or ends at once. */
export async function rotateSigningKeys(options: RotateOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const body = { endOld: options.endOld === true }
  return show(await api.call<SigningKeys>({ method: 'POST', path: `${path}/rotate`, body }), options, io)
}

function show({ keys }: SigningKeys, options: GlobalOptions, io: Io): ExitCode {
  if (options.json === true) printJson(io, keys)
  else {
    const rows = keys.map(({ kid, signs, endsAt }) => [kid, signs ? 'signs' : `verifies until ${endsAt ?? 'its end'}`])
    print(io, ...table([['KEY', 'STATE'], ...rows]))
  }
  return exitCodes.ok
}
