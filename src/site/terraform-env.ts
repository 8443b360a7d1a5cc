import type { Terraform, TerraformRun } from '../adapters/terraform/port.ts'

/** The same program, with these variables in the environment of every run of a root, by its folder. */
export function withEnv(terraform: Terraform, env: (root: string) => Readonly<Record<string, string>>): Terraform {
  const added = <Run extends TerraformRun>(root: string, run: Run | undefined) => ({
    ...run,
    env: { ...env(root), ...run?.env },
  })
  return {
    preview: async (root, options) => await terraform.preview(root, added(root, options)),
    apply: async (root, run) => await terraform.apply(root, added(root, run)),
    outputs: async (root, run) => await terraform.outputs(root, added(root, run)),
    resources: async (root, run) => await terraform.resources(root, added(root, run)),
  }
}
