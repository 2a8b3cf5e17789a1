import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { Dialog } from '@cdss/shared/view/Dialog.tsx'
import { Failure } from '@cdss/shared/view/States.tsx'
import { useText } from '../text.ts'

type Props = {
  open: boolean
  title: string
  confirm: string
  busy: boolean
  error: unknown
  onConfirm: () => void
  onClose: () => void
  children: ReactNode
}

/** Asks before what cannot be taken back. The way out has the keyboard. */
export function Confirm({ open, title, confirm, busy, error, onConfirm, onClose, children }: Props) {
  const t = useText()
  return (
    <Dialog open={open} title={title} onClose={onClose}>
      {children}
      {error !== null && <Failure error={error} />}
      <div className="row">
        <Button variant="default" data-autofocus onClick={onClose}>
          {t('system.cancel')}
        </Button>
        <Button color="red.9" loading={busy} onClick={onConfirm}>
          {confirm}
        </Button>
      </div>
    </Dialog>
  )
}
