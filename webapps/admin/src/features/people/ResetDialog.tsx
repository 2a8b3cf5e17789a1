import { Button } from '@mantine/core'
import { useState } from 'react'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { PassphraseInput } from '@cdss/shared/session/PassphraseInput.tsx'
import { Dialog } from '@cdss/shared/view/Dialog.tsx'
import { Failure } from '@cdss/shared/view/States.tsx'
import { faultsOf } from '../../system/faults.ts'
import type { Person } from '../../system/types.ts'
import { useText } from '../../text.ts'
import { useResetPassphrase } from './api.ts'

export function ResetDialog({ person, onClose }: { person: Person | null; onClose: () => void }) {
  const t = useText()
  return (
    <Dialog open={person !== null} title={person ? t('system.people.resetOf', { name: person.display }) : ''} onClose={onClose}>
      {person && <Form key={person.id} person={person} onClose={onClose} />}
    </Dialog>
  )
}

function Form({ person, onClose }: { person: Person; onClose: () => void }) {
  const t = useText()
  const reset = useResetPassphrase()
  const [passphrase, setPassphrase] = useState('')
  const fault = faultsOf(reset.error)
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        reset.mutate({ id: person.id, passphrase }, { onSuccess: onClose })
      }}
    >
      <SeverityBand indicator="info" title={t('system.people.resetHint')} />
      <PassphraseInput
        focusFirst
        label={t('system.people.first')}
        description={t('system.people.firstHint')}
        autoComplete="new-password"
        value={passphrase}
        onChange={setPassphrase}
        error={fault('passphrase')}
      />
      {reset.isError && <Failure error={reset.error} />}
      <div className="row">
        <Button type="submit" loading={reset.isPending} disabled={passphrase === ''}>
          {t('system.people.reset')}
        </Button>
        <Button variant="default" onClick={onClose}>
          {t('system.cancel')}
        </Button>
      </div>
    </form>
  )
}
