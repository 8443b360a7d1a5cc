import type { Command, Option } from 'commander'

/** Names that only the service knows. */
export const namedKinds = ['plans', 'accounts'] as const
export type NamedKind = (typeof namedKinds)[number]

/** What is typed as a value: a path, a name that the service knows, some text, or one of some words. */
export type TypedValue = 'file' | NamedKind | 'text' | readonly string[]

/** An option as it is typed. */
export interface TypedOption {
  readonly name: string
  readonly about: string
  /** What comes after it; `undefined`: nothing. */
  readonly value: TypedValue | undefined
}

/** What may be typed after some words, such as `account create`. */
export interface TypedWords {
  /** The words before, with a space between. */
  readonly path: string
  readonly words: readonly { readonly word: string; readonly about: string }[]
  readonly options: readonly TypedOption[]
  /** What its first argument may be. */
  readonly argument: TypedValue | undefined
}

/** Everything that may be typed, from the definitions of the words. */
export function typedWords(command: Command, path = ''): TypedWords[] {
  const visible = command.createHelp().visibleCommands(command)
  const commands = command.commands.filter((one) => visible.includes(one))
  const words = commands.map((one) => ({ word: one.name(), about: one.description() }))
  const [first] = command.registeredArguments
  const argument = first === undefined ? undefined : (first.argChoices ?? argumentKind(first.name(), path))
  const options = command.options.filter(({ hidden }) => !hidden).map(typed)
  const below = commands.flatMap((one) => typedWords(one, `${path} ${one.name()}`.trim()))
  return [{ path, words, options, argument }, ...below]
}

function typed(option: Option): TypedOption {
  const name = option.long ?? option.flags
  const takes = option.required || option.optional
  const placeholder = /<(.*)>/.exec(option.flags)?.[1] ?? ''
  const kind = name === '--account' ? 'accounts' : kindOf(placeholder)
  return { name, about: option.description, value: takes ? (option.argChoices ?? kind) : undefined }
}

function argumentKind(placeholder: string, path: string): TypedValue {
  // `account create` asks for a name that nobody has.
  const isAccount = /^account (?!create$)\S+$/.test(path) && placeholder === 'name'
  return isAccount ? 'accounts' : kindOf(placeholder)
}

function kindOf(placeholder: string): TypedValue {
  if (placeholder === 'plan') return 'plans'
  if (placeholder === 'account') return 'accounts'
  return placeholder === 'file' || placeholder === 'folder' ? 'file' : 'text'
}
