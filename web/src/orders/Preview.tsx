import type { Preview } from '../api.ts'
import { Panel } from '../frame/Panel.tsx'
import { Table } from '../frame/Table.tsx'
import classes from './Orders.module.css'
import { valueText } from './values.ts'

/** What an order would do, before it is placed. */
export function PreviewOf({ preview }: { preview: Preview }) {
  const { changes, steps, undone, first, phase, name } = preview
  // What there was not before has nothing to compare with, and what goes has nothing after it.
  const was = changes.some(({ from }) => from !== undefined)
  const willBe = phase !== 'remove'
  const head = ['Parameter', ...(was ? ['Is'] : []), ...(willBe ? ['Will be'] : [])]
  return (
    <Panel title={`What would happen: ${phase} of ${name}`}>
      <div className={classes['preview']}>
        {first.length > 0 && (
          <p className="small">
            Ordered first, because it is needed: {first.map((one) => `${one.name} (${one.phase})`).join(', ')}.
          </p>
        )}
        {changes.length === 0 ? (
          <p className="small dim">No parameter changes.</p>
        ) : (
          <Table name="Parameters that change" head={head}>
            {changes.map(({ parameter, from, to }) => (
              <tr key={parameter}>
                <th scope="row">{parameter}</th>
                {was && <td>{valueText(from)}</td>}
                {willBe && <td>{valueText(to)}</td>}
              </tr>
            ))}
          </Table>
        )}
        <p className="small">
          {steps.length === 0
            ? 'Nothing has to be done for it.'
            : `Steps: ${steps.map(({ step, does }) => (does === 'remove' ? `${step} (taken away)` : step)).join(', ')}.`}
        </p>
        <p className="small dim">
          {undone.length === 0
            ? 'If it fails, what was there before stays, and it can be tried again.'
            : `If it fails, it can be undone: ${undone.join(', ')}.`}
        </p>
      </div>
    </Panel>
  )
}
