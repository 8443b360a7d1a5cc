import type { Terraform, TerraformRun } from '../adapters/terraform/port.ts'

/** The same program, with these variables in every run's environment. */
export function withEnv(terraform: Terraform, env: () => Readonly<Record<string, string>>): Terraform {
  const added = <Run extends TerraformRun>(run: Run | undefined) => ({ ...run, env: { ...env(), ...run?.env } })
  return {
    preview: async (root, options) => await terraform.preview(root, added(options)),
    apply: async (root, run) => await terraform.apply(root, added(run)),
    outputs: async (root, run) => await terraform.outputs(root, added(run)),
    resources: async (root, run) => await terraform.resources(root, added(run)),
  }
}
