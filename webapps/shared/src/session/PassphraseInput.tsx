import { ActionIcon, TextInput } from '@mantine/core'
import { IconEye, IconEyeOff } from '@tabler/icons-react'
import { useState, type Ref } from 'react'
import { useShared } from '../i18n/i18n.ts'

type Props = {
  label: string
  description?: string
  value: string
  onChange: (value: string) => void
  autoComplete: 'current-password' | 'new-password' | 'off'
  error?: string
  focusFirst?: boolean
  ref?: Ref<HTMLInputElement>
}

/** A secret while it is typed: hidden, and shown where one is alone. */
export function PassphraseInput({ label, description, value, onChange, autoComplete, error, focusFirst, ref }: Props) {
  const t = useShared()
  const [shown, setShown] = useState(false)
  return (
    <TextInput
      ref={ref}
      data-autofocus={focusFirst || undefined}
      type={shown ? 'text' : 'password'}
      label={label}
      description={description}
      autoComplete={autoComplete}
      autoCapitalize="none"
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
      rightSectionWidth={44}
      rightSection={
        <ActionIcon
          variant="transparent"
          c="dimmed"
          size={32}
          aria-label={t('session.show', { name: label })}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          {shown ? <IconEyeOff size={18} aria-hidden="true" /> : <IconEye size={18} aria-hidden="true" />}
        </ActionIcon>
      }
    />
  )
}
