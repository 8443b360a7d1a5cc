import { z } from 'zod'
import { orderers, phases, type Plan } from './plan.ts'

const values = z.record(z.string(), z.unknown())

/** A plan as people and forms read it; the steps stay inside. */
export const planView = z
  .object({
    plan: z.string(),
    title: z.string(),
    description: z.string(),
    orderable: z.enum(orderers).describe('who may order it'),
    phases: z.array(z.enum(phases)),
    parameters: values.describe('JSON Schema, with defaults, limits and units; `secret` ones are never shown again'),
    instances: z.enum(['one', 'many']).describe('how many of it an account may have'),
    instance: z.string().optional().describe('what tells several apart'),
    limit: z.int().describe('how many of it an account may have'),
    needs: z.array(z.object({ plan: z.string(), instance: z.string().optional(), params: values })),
    becomes: z.string().optional().describe('an order of this plan is one of that plan'),
    price: z.object({ amount: z.number(), currency: z.string(), per: z.string() }).optional(),
    unavailable: z.string().optional().describe('why it can’t be ordered on this site'),
  })
  .meta({ id: 'Plan' })

export function showPlan(plan: Plan, unavailable: string | undefined): z.infer<typeof planView> {
  const { instance, becomes, price } = plan
  return {
    plan: plan.plan,
    title: plan.title,
    description: plan.description,
    orderable: plan.orderable,
    phases: [...plan.phases],
    parameters: { ...plan.parameters },
    instances: plan.instances,
    limit: plan.limit,
    needs: plan.needs.map((need) => ({ ...need, params: { ...need.params } })),
    ...(instance === undefined ? {} : { instance }),
    ...(becomes === undefined ? {} : { becomes: becomes.plan }),
    ...(price === undefined ? {} : { price: { ...price } }),
    ...(unavailable === undefined ? {} : { unavailable }),
  }
}
