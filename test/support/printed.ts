/** What `up` printed for people, as somebody at another machine would read it. */
export interface Printed {
  /** The words after `om` of the login line. */
  readonly login: readonly string[]
  readonly notebook: string
  readonly portal: string
  readonly adminPassword: string
  readonly demoKey: string
  readonly hosts: string
  /** File of this machine, and its name over there. */
  readonly authority: readonly [from: string, name: string]
  readonly variables: Record<string, string>
}

/** `home`: the folder over there that `$PWD` means. */
export function readPrinted(text: string, home: string): Printed {
  const find = (pattern: RegExp): string => {
    const found = pattern.exec(text)?.[1]
    if (found === undefined) throw new Error(`up did not print ${String(pattern)}:\n${text}`)
    return found
  }
  const exported = find(/^ +export (.*)$/m).replaceAll('$PWD', home)
  return {
    login: find(/^ +om (cloud login .*)$/m).split(' '),
    portal: find(/Portal and API +(\S+)/),
    notebook: find(/Notebooks +(\S+)/),
    adminPassword: find(/Admin +admin, password (\w+)/),
    demoKey: find(/Demo account +demo, API key (\w+)/),
    hosts: find(/^ +(10\.229\.\S+ hub\..*)$/m),
    authority: [find(/copy (\S+) there/), find(/for example as (\S+)/)],
    variables: Object.fromEntries(exported.split(' ').map((one) => one.split('=') as [string, string])),
  }
}
