import { CloseButton } from '@mantine/core'
import { useEffect, useId, useRef, type ReactNode } from 'react'
import { useShared } from '../i18n/i18n.ts'
import classes from './Dialog.module.css'

type Props = {
  open: boolean
  title: string
  /** Without it nothing but an answer closes the dialog. */
  onClose?: () => void
  /** Hides what stands behind. */
  cover?: boolean
  wide?: boolean
  children: ReactNode
}

/**
 * A dialog above everything else on the page, by the browser's own means: what is
 * behind cannot be reached, and the keyboard returns to where it was. The element
 * marked data-autofocus takes it first.
 */
export function Dialog({ open, title, onClose, cover, wide, children }: Props) {
  const t = useShared()
  const id = useId()
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = ref.current
    if (!dialog) return
    if (open && !dialog.open) {
      dialog.showModal()
      dialog.querySelector<HTMLElement>('[data-autofocus]')?.focus()
    }
    if (!open && dialog.open) dialog.close()
  }, [open])
  return (
    <dialog
      ref={ref}
      className={classes.dialog}
      aria-labelledby={id}
      data-cover={cover || undefined}
      data-wide={wide || undefined}
      onCancel={(event) => {
        if (event.target !== event.currentTarget) return
        event.preventDefault()
        onClose?.()
      }}
      // A browser may close it against our will on a second Escape.
      onClose={(event) => {
        if (open && event.target === event.currentTarget) event.currentTarget.showModal()
      }}
    >
      {open && (
        <div className={classes.inner}>
          <div className={classes.head}>
            <h2 id={id}>{title}</h2>
            {onClose && <CloseButton aria-label={t('view.close')} onClick={onClose} />}
          </div>
          {children}
        </div>
      )}
    </dialog>
  )
}
