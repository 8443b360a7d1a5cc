import { chooseContext } from '../kubeconfig-choice.ts'
import type { CheckedFile } from './check.ts'
import { type GivenSecrets, readCloudSecrets, type SecretSources } from './secret-values.ts'

/** What the site's own steps sign in with; of a kubeconfig the context that is meant, and nothing else. */
export async function cloudSecretsOf(file: CheckedFile, sources: SecretSources): Promise<GivenSecrets> {
  const found = await readCloudSecrets(file, sources)
  const { provider } = file.site
  if (provider.kind !== 'existing' || found['kubeconfig'] === undefined) return found
  return { ...found, kubeconfig: chooseContext(found['kubeconfig'], provider.context) }
}
