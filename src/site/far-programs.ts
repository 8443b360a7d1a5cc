import type { ToolName } from '../tools/catalogue.ts'

/** What a site needs on this machine when its cluster is elsewhere; the images hold some of them, too. */
export const farPrograms: readonly ToolName[] = ['helm', 'kubectl', 'tofu', 'terraform-provider-localcloud']
