import { ActionIcon, Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconCheck, IconCopy } from '@tabler/icons-react'

/** Copies a text, says so to the eye and to the ear. */
export function Copy({ text, what, wide = false }: { text: string; what: string; wide?: boolean }) {
  const clipboard = useClipboard({ timeout: 2_000 })
  const icon = clipboard.copied ? <IconCheck size={16} stroke={1.9} /> : <IconCopy size={16} stroke={1.75} />
  const copy = () => clipboard.copy(text)
  return (
    <>
      {wide ? (
        <Button variant="default" size="xs" leftSection={icon} onClick={copy}>
          {clipboard.copied ? 'Copied' : 'Copy'}
          <span className="visually-hidden">&nbsp;{what}</span>
        </Button>
      ) : (
        <ActionIcon variant="subtle" color="gray" onClick={copy} aria-label={`Copy ${what}`} title={`Copy ${what}`}>
          {icon}
        </ActionIcon>
      )}
      <span role="status" className="visually-hidden">
        {clipboard.error === null ? (clipboard.copied ? `${what} copied` : '') : 'Copying is not allowed here'}
      </span>
    </>
  )
}
