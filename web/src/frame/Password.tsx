import { PasswordInput } from '@mantine/core'

/** A password, hidden until one wants to see it. */
export function Password({
  error,
  ...rest
}: {
  name: string
  label: string
  autoComplete: 'current-password' | 'new-password'
  autoFocus?: boolean
  error: string | undefined
}) {
  return (
    <PasswordInput
      {...rest}
      size="md"
      error={error}
      // Mantine marks its frame only.
      aria-invalid={error === undefined ? undefined : true}
      visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password', tabIndex: 0 }}
    />
  )
}
