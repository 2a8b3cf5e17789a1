import { Button } from '@mantine/core'
import { IconCopy } from '@tabler/icons-react'
import { useState } from 'react'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { useText } from '../../text.ts'
import { plainText } from './text.ts'

export function CopyButton({ recommendation: r }: { recommendation: Recommendation }) {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  const [said, setSaid] = useState('')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(plainText(r, lang, t, shared))
      setSaid(t('result.copied'))
    } catch {
      setSaid(t('result.copyFailed'))
    }
  }
  return (
    <>
      <Button variant="default" leftSection={<IconCopy size={18} aria-hidden="true" />} onClick={() => void copy()}>
        {t('result.copy')}
      </Button>
      <span role="status" className="small">
        {said}
      </span>
    </>
  )
}
