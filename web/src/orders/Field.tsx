import { NativeSelect, Switch, Textarea, TextInput } from '@mantine/core'
import { Password } from '../frame/Password.tsx'
import { Words } from '../frame/Words.tsx'
import { type Field, shownValue } from './fields.ts'
import classes from './Orders.module.css'

/** One parameter. Read when the form is sent. */
export function ParameterField({
  field,
  value,
  error,
  fixed = false,
}: {
  field: Field
  value: unknown
  error: string | undefined
  /** What tells several apart stays as it is. */
  fixed?: boolean
}) {
  const { name, kind, initial, required } = field
  const shown = shownValue(field, value ?? (kind === 'secret' ? undefined : initial))
  const common = {
    name,
    label: field.label,
    description: field.about === '' ? undefined : <Words>{field.about}</Words>,
    error,
    'aria-invalid': error === undefined ? undefined : (true as const),
    'aria-required': required,
    readOnly: fixed,
    // Fields beside each other stand on one line, however much is said of them.
    inputWrapperOrder: ['label' as const, 'input' as const, 'description' as const, 'error' as const],
  }
  switch (kind) {
    case 'switch':
      return (
        <Switch
          name={name}
          label={field.label}
          description={common.description}
          error={error}
          defaultChecked={(value ?? initial) === true}
          withThumbIndicator={false}
          classNames={{ thumb: classes['thumb'] ?? '' }}
        />
      )
    case 'choice':
      return <NativeSelect {...common} data={[...field.choices]} defaultValue={shown} />
    case 'lines':
    case 'json':
      return <Textarea {...common} defaultValue={shown} rows={3} spellCheck={false} />
    case 'secret':
      return <Password name={name} label={field.label} autoComplete="new-password" error={error} />
    case 'number':
      return <TextInput {...common} defaultValue={shown} inputMode={field.isInteger ? 'numeric' : 'decimal'} />
    case 'text':
      return <TextInput {...common} defaultValue={shown} autoCapitalize="none" autoComplete="off" spellCheck={false} />
  }
}
