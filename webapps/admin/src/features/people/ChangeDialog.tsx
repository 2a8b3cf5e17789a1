import { Button, Checkbox, TextInput } from '@mantine/core'
import { useState } from 'react'
import { Dialog } from '@cdss/shared/view/Dialog.tsx'
import { Failure } from '@cdss/shared/view/States.tsx'
import { faultsOf } from '../../system/faults.ts'
import type { Person } from '../../system/types.ts'
import { useText } from '../../text.ts'
import { useChangePerson } from './api.ts'
import { RoleFields } from './RoleFields.tsx'

type Props = { person: Person | null; self: string | undefined; lastAdmin: boolean; onClose: () => void }

export function ChangeDialog({ person, self, lastAdmin, onClose }: Props) {
  const t = useText()
  return (
    <Dialog open={person !== null} title={person ? t('system.people.changeOf', { name: person.display }) : ''} onClose={onClose}>
      {person && <Form key={person.id} person={person} own={person.id === self} lastAdmin={lastAdmin} onClose={onClose} />}
    </Dialog>
  )
}

function Form({ person, own, lastAdmin, onClose }: { person: Person; own: boolean; lastAdmin: boolean; onClose: () => void }) {
  const t = useText()
  const change = useChangePerson()
  const [display, setDisplay] = useState(person.display)
  const [held, setHeld] = useState(person.roles)
  const [disabled, setDisabled] = useState(person.disabled)
  const fault = faultsOf(change.error)
  const why = own ? t('system.people.ownRoles') : lastAdmin ? t('system.people.lastAdmin') : undefined
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        change.mutate({ id: person.id, body: { display: display.trim(), roles: held, disabled } }, { onSuccess: onClose })
      }}
    >
      <TextInput
        data-autofocus
        label={t('system.people.display')}
        value={display}
        onChange={(event) => setDisplay(event.currentTarget.value)}
        error={fault('display')}
      />
      <RoleFields value={held} onChange={setHeld} hint={why} fixed={(role) => own || (lastAdmin && role === 'admin')} error={fault('roles')} />
      <Checkbox
        label={t('system.people.disable')}
        description={t('system.people.disableHint')}
        checked={disabled}
        disabled={own || lastAdmin}
        onChange={(event) => setDisabled(event.currentTarget.checked)}
      />
      {change.isError && <Failure error={change.error} />}
      <div className="row">
        <Button type="submit" loading={change.isPending}>
          {t('system.save')}
        </Button>
        <Button variant="default" onClick={onClose}>
          {t('system.cancel')}
        </Button>
      </div>
    </form>
  )
}
