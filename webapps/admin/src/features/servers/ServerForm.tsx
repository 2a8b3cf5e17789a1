import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { PassphraseInput } from '@cdss/shared/session/PassphraseInput.tsx'
import { useMay } from '@cdss/shared/session/session.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useRegister, useUnregister } from '../../system/api.ts'
import { Confirm } from '../../system/Confirm.tsx'
import { faultsOf } from '../../system/faults.ts'
import { Group } from '../../system/Group.tsx'
import { Lines } from '../../system/Lines.tsx'
import { serverBody, type FhirServer } from '../../system/registrations.ts'
import { useText } from '../../text.ts'

export function ServerForm({ start, existing, onDone }: { start: FhirServer; existing: boolean; onDone: () => void }) {
  const t = useText()
  const may = useMay()
  const save = useRegister('servers')
  const remove = useUnregister('servers')
  const [s, setS] = useState(start)
  const [secret, setSecret] = useState('')
  const [asking, setAsking] = useState(false)
  const set = (patch: Partial<FhirServer>) => setS((before) => ({ ...before, ...patch }))
  const fault = faultsOf(save.error)
  const readOnly = !may('registrations:write')
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate({ body: serverBody(s, secret), replace: existing }, { onSuccess: onDone })
      }}
    >
      {start.problem && <SeverityBand indicator="warning" title={t('system.servers.problemHint', { problem: start.problem })} />}
      <fieldset disabled={readOnly} className={shapes.bare}>
        <div className="stack">
          <Group title={t('system.servers.address')}>
            <div className={shapes.fields}>
              <TextInput
                label={t('system.name')}
                description={t('system.nameHint')}
                value={s.name}
                readOnly={existing}
                onChange={(event) => set({ name: event.currentTarget.value })}
                error={fault('name')}
              />
              <TextInput
                label={t('system.servers.base')}
                description={t('system.servers.baseHint')}
                value={s.url}
                onChange={(event) => set({ url: event.currentTarget.value })}
                error={fault('base', 'url')}
              />
              <TextInput
                label={t('system.servers.clientId')}
                description={t('system.servers.clientIdHint')}
                value={s.clientId}
                onChange={(event) => set({ clientId: event.currentTarget.value })}
                error={fault('clientId')}
              />
              <Lines label={t('system.allow')} hint={t('system.allowHint')} value={s.allow} onChange={(allow) => set({ allow })} error={fault('allow')} />
            </div>
          </Group>
          <Group title={t('system.servers.own')}>
            <p className="small muted">{t('system.servers.ownHint')}</p>
            <div className={shapes.fields}>
              <NativeSelect
                label={t('system.servers.auth')}
                value={s.auth}
                onChange={(event) => set({ auth: event.currentTarget.value as FhirServer['auth'] })}
                data={(['none', 'bearer', 'basic'] as const).map((value) => ({ value, label: t(`system.servers.auths.${value}`) }))}
                error={fault('auth')}
              />
              {s.auth !== 'none' && (
                <PassphraseInput
                  label={t(s.auth === 'basic' ? 'system.servers.userAndPassword' : 'system.servers.token')}
                  description={t(start.hasSecret ? 'system.servers.secretKept' : 'system.servers.secretHint')}
                  autoComplete="off"
                  value={secret}
                  onChange={setSecret}
                  error={fault('secret')}
                />
              )}
            </div>
            <Checkbox
              label={t('system.servers.disabled')}
              description={t('system.servers.disabledHint')}
              checked={s.disabled}
              onChange={(event) => set({ disabled: event.currentTarget.checked })}
            />
          </Group>
        </div>
      </fieldset>
      {save.isError && <Failure error={save.error} />}
      {!readOnly && (
        <div className="row">
          <Button type="submit" loading={save.isPending}>
            {t(existing ? 'system.save' : 'system.register')}
          </Button>
          <Button variant="default" onClick={onDone}>
            {t('system.cancel')}
          </Button>
          {existing && (
            <Button variant="default" ml="auto" onClick={() => setAsking(true)}>
              {t('system.remove')}
            </Button>
          )}
        </div>
      )}
      <Confirm
        open={asking}
        title={t('system.servers.removeTitle', { name: s.name })}
        confirm={t('system.removeConfirm')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(s.name, { onSuccess: onDone })}
        onClose={() => setAsking(false)}
      >
        <p>{t('system.servers.removeHint')}</p>
      </Confirm>
    </form>
  )
}
