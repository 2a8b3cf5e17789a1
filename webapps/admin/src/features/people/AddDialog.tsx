import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { PassphraseInput } from '@cdss/shared/session/PassphraseInput.tsx'
import type { Role } from '@cdss/shared/session/types.ts'
import { Dialog } from '@cdss/shared/view/Dialog.tsx'
import { Failure } from '@cdss/shared/view/States.tsx'
import { faultsOf } from '../../system/faults.ts'
import { useText } from '../../text.ts'
import { useAddPerson } from './api.ts'
import { RoleFields } from './RoleFields.tsx'

export function AddDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const t = useText()
  return (
    <Dialog open={open} title={t('system.people.add')} onClose={onClose}>
      <Form onClose={onClose} />
    </Dialog>
  )
}

function Form({ onClose }: { onClose: () => void }) {
  const t = useText()
  const add = useAddPerson()
  const [name, setName] = useState('')
  const [display, setDisplay] = useState('')
  const [held, setHeld] = useState<Role[]>([])
  const [passphrase, setPassphrase] = useState('')
  const fault = faultsOf(add.error)
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        add.mutate({ name: name.trim(), display: display.trim(), roles: held, passphrase: passphrase || undefined }, { onSuccess: onClose })
      }}
    >
      <TextInput
        data-autofocus
        label={t('system.people.name')}
        description={t('system.people.nameHint')}
        autoCapitalize="none"
        spellCheck={false}
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={fault('name')}
      />
      <TextInput
        label={t('system.people.display')}
        autoComplete="off"
        value={display}
        onChange={(event) => setDisplay(event.currentTarget.value)}
        error={fault('display')}
      />
      <RoleFields value={held} onChange={setHeld} error={fault('roles')} />
      <PassphraseInput
        label={t('system.people.first')}
        description={t('system.people.firstHint')}
        autoComplete="new-password"
        value={passphrase}
        onChange={setPassphrase}
        error={fault('passphrase')}
      />
      {add.isError && <Failure error={add.error} />}
      <div className="row">
        <Button type="submit" loading={add.isPending}>
          {t('system.people.add')}
        </Button>
        <Button variant="default" onClick={onClose}>
          {t('system.cancel')}
        </Button>
      </div>
    </form>
  )
}
