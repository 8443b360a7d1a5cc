import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { needProgram } from './programs.ts'

/**
 * Another machine: a network namespace with one link to this one and no way anywhere else. What is pasted there is seen by
 * what runs there alone (`ip netns exec` lays /etc/netns/NAME over /etc).
 */
export interface OtherMachine {
  /** Address of this machine on the link between them. */
  readonly address: string
  /** A folder that stands for somebody's home over there. */
  readonly home: string
  pasteHosts(lines: readonly string[]): void
  /** Sends what is for these addresses to this machine. */
  route(subnet: string): Promise<void>
  /** Browsers over there take the authority (PEM) for web sites, by Chromium's policy. */
  importAuthority(pem: string): void
  /** Path of a program that runs the given one over there. */
  wrap(program: string): Promise<string>
  /** Runs a program over there; never fails because of its exit code. */
  run(
    program: string,
    args: readonly string[],
    env?: Record<string, string>,
  ): Promise<{ code: number; stdout: string; stderr: string }>
  /** Everything is as it was before; also after half of it was made. */
  close(): Promise<void>
}

/** What a test left that was killed. */
async function removeLost(program: string): Promise<void> {
  const { stdout } = await execa(program, ['netns', 'list'])
  for (const [name = '', pid] of stdout.matchAll(/^far(\d+)/gm)) {
    if (existsSync(`/proc/${pid}`)) continue
    await execa(program, ['link', 'del', name], { reject: false })
    await execa(program, ['netns', 'del', name], { reject: false })
    rmSync(`/etc/netns/${name}`, { recursive: true, force: true })
  }
}

/** Numbers of the pid keep several tests apart. */
export async function otherMachine(): Promise<OtherMachine> {
  const number = process.pid % 250
  const name = `far${process.pid}`
  const etc = `/etc/netns/${name}`
  const [address, there] = [`10.229.${number}.1`, `10.229.${number}.2`]
  const home = await mkdtemp(join(tmpdir(), 'cloudmgr-far-'))
  const program = needProgram('ip')
  const ip = async (...words: string[]) => await execa(program, words)
  const inside = (command: string, args: readonly string[]) => ['netns', 'exec', name, command, ...args]
  const close = async () => {
    await execa(program, ['link', 'del', name], { reject: false })
    await execa(program, ['netns', 'del', name], { reject: false })
    rmSync(etc, { recursive: true, force: true })
    await rm(home, { recursive: true, force: true })
  }
  await removeLost(program)
  try {
    mkdirSync(etc, { recursive: true })
    // Its own words alone: no name server either.
    writeFileSync(join(etc, 'hosts'), '127.0.0.1 localhost\n')
    writeFileSync(join(etc, 'resolv.conf'), '')
    await ip('netns', 'add', name)
    await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await ip('addr', 'add', `${address}/30`, 'dev', name)
    await ip('link', 'set', name, 'up')
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    await ip('-n', name, 'addr', 'add', `${there}/30`, 'dev', 'eth0')
    await ip('-n', name, 'link', 'set', 'eth0', 'up')
  } catch (cause) {
    await close()
    throw cause
  }
  return {
    address,
    home,
    pasteHosts: (lines) => writeFileSync(join(etc, 'hosts'), ['127.0.0.1 localhost', ...lines, ''].join('\n')),
    route: async (subnet) => void (await ip('-n', name, 'route', 'add', subnet, 'via', address)),
    importAuthority: (pem) => {
      const policies = join(etc, 'chromium', 'policies', 'managed')
      mkdirSync(policies, { recursive: true })
      const certificate = pem.replace(/-----[A-Z ]+-----|\s/g, '')
      writeFileSync(join(policies, 'authority.json'), JSON.stringify({ CACertificates: [certificate] }))
    },
    wrap: async (wrapped) => {
      const path = join(home, 'wrapped')
      await writeFile(path, `#!/bin/sh\nexec ip ${inside(wrapped, []).join(' ')} "$@"\n`)
      await chmod(path, 0o755)
      return path
    },
    run: async (command, args, env = {}) => {
      const { PATH = '' } = process.env
      const options = {
        env: { PATH, HOME: home, ...env },
        extendEnv: false,
        reject: false,
        timeout: 1_500_000,
      } as const
      const { exitCode, stdout, stderr } = await execa(program, inside(command, args), { ...options, cwd: home })
      return { code: exitCode ?? -1, stdout, stderr }
    },
    close,
  }
}
