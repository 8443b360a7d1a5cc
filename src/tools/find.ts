import type { Tool } from './catalogue.ts'
import { cleanEnv, findOnPath, outputOf } from './process.ts'

/** The program on PATH when it says that it is exactly the version we want. Our own programs are never taken from there. */
export async function findTool(tool: Tool, path: string): Promise<string | undefined> {
  if (tool.ask === undefined || tool.version === '') return undefined
  const found = await findOnPath(tool.name, path)
  if (found === undefined) return undefined
  const said = await outputOf(found, tool.ask.args, { ...cleanEnv(), PATH: path })
  return tool.ask.pattern.exec(said ?? '')?.[1] === tool.version ? found : undefined
}
