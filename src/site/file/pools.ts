import { z } from 'zod'

/** Roles that the charts' components select; `control` is the control plane where a cloud gives none. */
export const componentRoles = ['dbmaster', 'ingress', 'system', 'worker'] as const
export type ComponentRole = (typeof componentRoles)[number]

const word = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/
const labelKey = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/
const labelValue = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/

/** A taint of a node, as site files have it. */
export const taintSchema = z.strictObject({
  key: z.string().regex(labelKey, 'must be a label key, such as example.org/gpu').describe('key of the taint'),
  value: z.string().regex(labelValue, 'must be a label value').optional().describe('its value'),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).describe('what it keeps away'),
})

/** Machines of one kind and role. */
export const poolSchema = z.strictObject({
  name: z
    .string()
    .regex(word, 'must be a word of lower-case letters, digits and hyphens, such as gpu')
    .describe('name of the pool; its machines are `<name>-1`, `<name>-2`, …'),
  role: z
    .string()
    .regex(word, 'must be dbmaster, ingress, system, worker, control or a word of your own')
    .describe(
      'what the machines are for, node label `omegaml.io/role`. dbmaster: databases. ingress: the way in and the broker. system: portal, engine, JupyterHub. worker: notebooks and tasks. control: control plane and etcd (providers hcloud and rancher; one or three machines). Other words are for selectors of your own',
    ),
  type: z
    .string()
    .min(1)
    .optional()
    .describe('machine type of the provider (`catalog/providers/<provider>.yml`); or give `cores` and `memoryGb`'),
  cores: z.number().positive().max(256).optional().describe('cores of one machine (provider local)'),
  memoryGb: z.number().positive().max(4096).optional().describe('memory of one machine in GB (provider local)'),
  size: z.int().min(0).max(500).default(1).describe('number of machines'),
  min: z.int().min(0).max(500).optional().describe('fewest machines, where the provider scales the pool by itself'),
  max: z.int().min(0).max(500).optional().describe('most machines, likewise'),
  diskGb: z
    .int()
    .min(10)
    .max(65_536)
    .optional()
    .describe("size of each machine's own disk in GB; the provider's usual one when left out"),
  labels: z
    .record(
      z.string().regex(labelKey, 'must be a label key, such as example.org/kind'),
      z.string().regex(labelValue, 'must be a label value of 63 letters, digits, dots, hyphens at most'),
    )
    .optional()
    .describe('further node labels'),
  taints: z.array(taintSchema).optional().describe('taints of the nodes: only pods that tolerate them come'),
  gpu: z
    .int()
    .min(1)
    .max(16)
    .optional()
    .describe(
      'NVIDIA GPUs of one machine, as its type has them (provider rancher; provider local of simulated machines only). Its node gets label `nvidia.com/gpu.present` and taint `nvidia.com/gpu=present:NoSchedule`: only what asks for GPUs comes there',
    ),
  simulated: z
    .boolean()
    .optional()
    .describe('nodes that only say they run pods, for trials of scale (provider local, never for components)'),
})

export type Pool = Readonly<z.infer<typeof poolSchema>>
