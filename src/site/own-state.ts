import type { TerraformRoot } from '../clusters/root.ts'

/** Name of a root's state where it lies beside it. */
export const ownState = 'terraform.tfstate'

/** The same root with its state beside it. */
export function withOwnState(root: TerraformRoot): TerraformRoot {
  const terraform = root.main['terraform'] as Readonly<Record<string, unknown>>
  return { ...root, main: { ...root.main, terraform: { ...terraform, backend: { local: { path: ownState } } } } }
}
