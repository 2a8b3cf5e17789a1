import { Button } from '@mantine/core'
import { useState } from 'react'
import { ApiError } from '../api/error.ts'
import { SeverityBand } from '../clinical/SeverityBand.tsx'
import { useShared } from '../i18n/i18n.ts'
import { Dialog } from '../view/Dialog.tsx'
import { Page } from '../view/Page.tsx'
import { Failure } from '../view/States.tsx'
import classes from './LoginWays.module.css'
import { PassphraseInput } from './PassphraseInput.tsx'
import { useChangePassphrase, useLogout, useSession } from './session.ts'

/** Characters a passphrase needs, as the server has it. */
const shortest = 12

export function ChangePassphraseDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const t = useShared()
  const [done, setDone] = useState(false)
  const close = () => {
    setDone(false)
    onClose()
  }
  return (
    <Dialog open={open} title={t('session.change')} onClose={close}>
      {done ? (
        <div role="status" className="stack">
          <SeverityBand indicator="info" title={t('session.changed')} />
          <div className="row">
            <Button variant="default" onClick={close}>
              {t('view.close')}
            </Button>
          </div>
        </div>
      ) : (
        <ChangeForm onDone={() => setDone(true)} />
      )}
    </Dialog>
  )
}

/** Whoever got a passphrase from somebody else chooses another before anything. */
export function ChangePassphrasePage() {
  const t = useShared()
  const logout = useLogout()
  return (
    <div className={classes.card}>
      <Page title={t('session.change')} lead={t('session.mustChange')}>
        <div className={classes.box}>
          <ChangeForm onDone={() => undefined} />
        </div>
        <p>
          <button type="button" className="link" onClick={() => logout.mutate()}>
            {t('session.logout')}
          </button>
        </p>
      </Page>
    </div>
  )
}

function ChangeForm({ onDone }: { onDone: () => void }) {
  const t = useShared()
  const session = useSession().data
  const change = useChangePassphrase()
  const [old, setOld] = useState('')
  const [next, setNext] = useState('')
  const [repeat, setRepeat] = useState('')
  const [tried, setTried] = useState(false)
  const short = [...next].length < shortest
  const different = next !== repeat
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (old === '' || short || different) return
        change.mutate(
          { old, new: next },
          {
            onSuccess: onDone,
            onError: () => setTried(false),
          },
        )
      }}
    >
      {change.isError && <Refused error={change.error} />}
      {/* So that a password manager knows whose passphrase this is. */}
      <input type="text" name="username" autoComplete="username" value={session?.person?.id ?? ''} readOnly hidden />
      <PassphraseInput
        focusFirst
        label={t('session.old')}
        autoComplete="current-password"
        value={old}
        onChange={setOld}
        error={tried && old === '' ? t('session.needPassphrase') : undefined}
      />
      <PassphraseInput
        label={t('session.new')}
        description={t('session.newHint', { count: shortest })}
        autoComplete="new-password"
        value={next}
        onChange={setNext}
        error={tried && short ? t('session.tooShort', { count: shortest }) : undefined}
      />
      <PassphraseInput
        label={t('session.repeat')}
        autoComplete="new-password"
        value={repeat}
        onChange={setRepeat}
        error={tried && !short && different ? t('session.notSame') : undefined}
      />
      <div className="row">
        <Button type="submit" loading={change.isPending}>
          {t('session.change')}
        </Button>
      </div>
    </form>
  )
}

function Refused({ error }: { error: unknown }) {
  const t = useShared()
  const where = error instanceof ApiError && error.fault === 'input' ? error.details[0]?.where : undefined
  if (where === undefined) return <Failure error={error} />
  const title = where === 'old' ? 'session.wrongOld' : where === 'new' ? 'session.sameAgain' : 'session.tooEasy'
  return (
    <div role="alert">
      <SeverityBand indicator="warning" title={t(title)} />
    </div>
  )
}
