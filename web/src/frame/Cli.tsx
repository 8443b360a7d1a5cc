import { IconTerminal2 } from '@tabler/icons-react'
import classes from './Cli.module.css'
import { Copy } from './Copy.tsx'
import { Line } from './Line.tsx'

/** The same in a terminal, for those who would rather type. */
export function Cli({ line }: { line: string }) {
  return (
    <div className={classes['cli']}>
      <IconTerminal2 size={15} stroke={1.75} aria-hidden="true" />
      <span className="visually-hidden">In a terminal:</span>
      <Line>{line}</Line>
      <Copy text={line} what="command line" />
    </div>
  )
}
