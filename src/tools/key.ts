import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ldflagsOf, type Tool } from './catalogue.ts'

/** Changes when the built program would: pinned modules, own sources, flags, Go's minor version, processor. */
export async function toolKey(tool: Tool, projectFolder: string, goMinor: string): Promise<string> {
  const module = join(projectFolder, tool.module)
  const hash = createHash('sha256')
  for (const part of [tool.package, tool.file ?? '', ldflagsOf(tool), goMinor, process.arch]) hash.update(`${part}\0`)
  const files = ['go.mod', 'go.sum', ...(await ownSources(module, tool))]
  for (const file of files) {
    const content = await readFile(join(module, file))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 24)
}

async function ownSources(module: string, tool: Tool): Promise<readonly string[]> {
  if (!tool.package.startsWith('./')) return []
  const names = await readdir(join(module, tool.package))
  return names
    .filter((name) => !name.endsWith('_test.go'))
    .toSorted()
    .map((name) => join(tool.package, name))
}
