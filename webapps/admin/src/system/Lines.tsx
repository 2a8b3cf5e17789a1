import { Textarea } from '@mantine/core'
import { useState } from 'react'
import { linesOf, textOf } from './lines.ts'

type Props = { label: string; hint?: string; value: string[]; onChange: (value: string[]) => void; error?: string }

/** A list, one entry per line. What is typed stays as it is while it is typed. */
export function Lines({ label, hint, value, onChange, error }: Props) {
  const [text, setText] = useState(textOf(value))
  return (
    <Textarea
      label={label}
      description={hint}
      autosize
      minRows={2}
      spellCheck={false}
      autoCapitalize="none"
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value)
        onChange(linesOf(event.currentTarget.value))
      }}
      error={error}
    />
  )
}
