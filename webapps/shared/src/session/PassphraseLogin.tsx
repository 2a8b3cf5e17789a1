import { Button, TextInput } from '@mantine/core'
import { useRef, useState } from 'react'
import { ApiError } from '../api/error.ts'
import { SeverityBand } from '../clinical/SeverityBand.tsx'
import { useShared } from '../i18n/i18n.ts'
import { Failure } from '../view/States.tsx'
import { PassphraseInput } from './PassphraseInput.tsx'
import { useLogin } from './session.ts'

// The name of the last login in this page, so that coming back needs the passphrase only.
let lastName = ''

export function PassphraseLogin() {
  const t = useShared()
  const login = useLogin()
  const [name, setName] = useState(lastName)
  const [passphrase, setPassphrase] = useState('')
  const [tried, setTried] = useState(false)
  const nameField = useRef<HTMLInputElement>(null)
  const passphraseField = useRef<HTMLInputElement>(null)
  const submit = () => {
    setTried(true)
    if (name.trim() === '') return nameField.current?.focus()
    if (passphrase === '') return passphraseField.current?.focus()
    login.mutate(
      { name: name.trim(), passphrase },
      {
        onSuccess: () => {
          lastName = name.trim()
        },
        // Whatever was wrong, the name is kept and the passphrase asked for again.
        onError: () => {
          setPassphrase('')
          setTried(false)
          passphraseField.current?.focus()
        },
      },
    )
  }
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      {login.isError && <Refused error={login.error} />}
      <TextInput
        ref={nameField}
        data-autofocus={lastName === '' || undefined}
        label={t('session.name')}
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={63}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={tried && name.trim() === '' ? t('session.needName') : undefined}
      />
      <PassphraseInput
        ref={passphraseField}
        focusFirst={lastName !== ''}
        label={t('session.passphrase')}
        autoComplete="current-password"
        value={passphrase}
        onChange={setPassphrase}
        error={tried && name.trim() !== '' && passphrase === '' ? t('session.needPassphrase') : undefined}
      />
      <Button type="submit" fullWidth loading={login.isPending}>
        {t('session.submit')}
      </Button>
    </form>
  )
}

/** The same words for a name that exists and for one that does not. */
function Refused({ error }: { error: unknown }) {
  const t = useShared()
  const fault = error instanceof ApiError ? error.fault : 'server'
  const status = error instanceof ApiError ? error.status : 0
  if (fault === 'login' || fault === 'forbidden' || fault === 'input') {
    return (
      <div role="alert">
        <SeverityBand indicator="warning" title={t('session.wrong')} />
      </div>
    )
  }
  if (status === 429) {
    return (
      <div role="alert">
        <SeverityBand indicator="warning" title={t('session.tooMany')} />
      </div>
    )
  }
  return <Failure error={error} />
}
