import type { Command, Option } from 'commander'

/** An option as it is typed. */
export interface TypedOption {
  readonly name: string
  readonly about: string
  /** What comes after it; `undefined`: nothing. */
  readonly value: 'file' | 'text' | readonly string[] | undefined
}

/** What may be typed after some words, such as `account create`. */
export interface TypedWords {
  /** The words before, with a space between. */
  readonly path: string
  readonly words: readonly { readonly word: string; readonly about: string }[]
  readonly options: readonly TypedOption[]
  /** What its first argument may be. */
  readonly argument: 'file' | 'text' | readonly string[] | undefined
}

/** Everything that may be typed, from the definitions of the words. */
export function typedWords(command: Command, path = ''): TypedWords[] {
  const words = command.commands.map((one) => ({ word: one.name(), about: one.description() }))
  const [first] = command.registeredArguments
  const argument = first === undefined ? undefined : (first.argChoices ?? kindOf(first.name()))
  const options = command.options.filter(({ hidden }) => !hidden).map(typed)
  const below = command.commands.flatMap((one) => typedWords(one, `${path} ${one.name()}`.trim()))
  return [{ path, words, options, argument }, ...below]
}

function typed(option: Option): TypedOption {
  const name = option.long ?? option.flags
  const takes = option.required || option.optional
  const placeholder = /<(.*)>/.exec(option.flags)?.[1] ?? ''
  return { name, about: option.description, value: takes ? (option.argChoices ?? kindOf(placeholder)) : undefined }
}

function kindOf(placeholder: string): 'file' | 'text' {
  return placeholder === 'file' || placeholder === 'folder' ? 'file' : 'text'
}
