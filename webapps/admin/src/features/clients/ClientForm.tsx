import { Button, Checkbox, NativeSelect, NumberInput, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useMay } from '@cdss/shared/session/session.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useRegister, useServers, useUnregister } from '../../system/api.ts'
import { Confirm } from '../../system/Confirm.tsx'
import { faultsOf } from '../../system/faults.ts'
import { Lines } from '../../system/Lines.tsx'
import { bodyOf, type CdsClient } from '../../system/registrations.ts'
import { useText } from '../../text.ts'
import { Group } from '../../system/Group.tsx'

const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']

export function ClientForm({ start, existing, onDone }: { start: CdsClient; existing: boolean; onDone: () => void }) {
  const t = useText()
  const may = useMay()
  const servers = useServers()
  const save = useRegister('clients')
  const remove = useUnregister('clients')
  const [c, setC] = useState(start)
  const [keys, setKeys] = useState(start.jwks ? JSON.stringify(start.jwks, null, 2) : '')
  const [noJson, setNoJson] = useState(false)
  const [asking, setAsking] = useState(false)
  const set = (patch: Partial<CdsClient>) => setC((before) => ({ ...before, ...patch }))
  const fault = faultsOf(save.error)
  const readOnly = !may('registrations:write')

  const submit = () => {
    let jwks: unknown
    try {
      jwks = keys.trim() === '' ? undefined : JSON.parse(keys)
      setNoJson(false)
    } catch {
      setNoJson(true)
      return
    }
    save.mutate({ body: bodyOf({ ...c, jwks }), replace: existing }, { onSuccess: onDone })
  }
  const names = [...new Set([...(servers.data?.map((s) => s.name) ?? []), ...c.servers])]
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <fieldset disabled={readOnly} className={shapes.bare}>
        <div className="stack">
          <Group title={t('system.clients.identity')}>
            <div className={shapes.fields}>
              <TextInput
                label={t('system.name')}
                description={t('system.nameHint')}
                value={c.name}
                readOnly={existing}
                onChange={(event) => set({ name: event.currentTarget.value })}
                error={fault('name')}
              />
              <TextInput
                label={t('system.clients.issuer')}
                description={t('system.clients.issuerHint')}
                value={c.issuer}
                onChange={(event) => set({ issuer: event.currentTarget.value })}
                error={fault('issuer')}
              />
              <NativeSelect
                label={t('system.clients.algorithm')}
                data={algorithms}
                value={c.algorithm}
                onChange={(event) => set({ algorithm: event.currentTarget.value })}
                error={fault('algorithm')}
              />
            </div>
            <div className={shapes.fields}>
              <TextInput
                label={t('system.clients.keysUrl')}
                description={t('system.clients.keysUrlHint')}
                value={c.jwksUrl}
                onChange={(event) => set({ jwksUrl: event.currentTarget.value })}
                error={fault('jwksUrl')}
              />
              <Textarea
                label={t('system.clients.keysText')}
                description={t('system.clients.keysTextHint')}
                autosize
                minRows={2}
                maxRows={10}
                spellCheck={false}
                value={keys}
                onChange={(event) => setKeys(event.currentTarget.value)}
                error={noJson ? t('system.clients.noJson') : fault('keys', 'jwks')}
              />
            </div>
          </Group>
          <Group title={t('system.clients.calls')}>
            <div className={shapes.fields}>
              <Lines label={t('system.clients.audiences')} hint={t('system.clients.audiencesHint')} value={c.audiences} onChange={(audiences) => set({ audiences })} error={fault('audiences')} />
              <Lines label={t('system.clients.origins')} hint={t('system.clients.originsHint')} value={c.origins} onChange={(origins) => set({ origins })} error={fault('origins')} />
              <Lines label={t('system.clients.tenants')} hint={t('system.clients.tenantsHint')} value={c.tenants} onChange={(tenants) => set({ tenants })} error={fault('tenants')} />
              <Lines label={t('system.allow')} hint={t('system.allowHint')} value={c.allow} onChange={(allow) => set({ allow })} error={fault('allow')} />
            </div>
            <Checkbox
              label={t('system.clients.noTenant')}
              checked={c.noTenant}
              disabled={c.tenants.length === 0}
              onChange={(event) => set({ noTenant: event.currentTarget.checked })}
            />
            <Checkbox.Group
              label={t('system.clients.servers')}
              description={t('system.clients.serversHint')}
              value={c.servers}
              onChange={(value) => set({ servers: value })}
              error={fault('servers')}
            >
              <div className="row">
                {names.length === 0 && <span className="small muted">{t('system.servers.empty')}</span>}
                {names.map((name) => (
                  <Checkbox key={name} value={name} label={name} />
                ))}
              </div>
            </Checkbox.Group>
          </Group>
          <Group title={t('system.clients.answer')}>
            <div className={shapes.fields}>
              <NumberInput
                label={t('system.clients.deadline')}
                description={t('system.clients.deadlineHint')}
                suffix=" ms"
                hideControls
                allowDecimal={false}
                value={c.deadline}
                onChange={(value) => set({ deadline: Number(value) })}
                error={fault('deadline')}
              />
              <NumberInput
                label={t('system.clients.maxCards')}
                description={t('system.clients.maxCardsHint')}
                hideControls
                allowDecimal={false}
                value={c.maxCards}
                onChange={(value) => set({ maxCards: Number(value) })}
                error={fault('maxCards')}
              />
              <NativeSelect
                label={t('system.clients.language')}
                value={c.language}
                onChange={(event) => set({ language: event.currentTarget.value as CdsClient['language'] })}
                data={[
                  { value: '', label: t('system.clients.languageOfCall') },
                  { value: 'de', label: t('guidelines.german') },
                  { value: 'en', label: t('guidelines.english') },
                ]}
                error={fault('language')}
              />
              <NativeSelect
                label={t('system.clients.blocked')}
                value={c.blocked}
                onChange={(event) => set({ blocked: event.currentTarget.value as CdsClient['blocked'] })}
                data={[
                  { value: '412', label: t('system.clients.blockedStatus') },
                  { value: 'card', label: t('system.clients.blockedCard') },
                ]}
                error={fault('blocked')}
              />
            </div>
            <Checkbox.Group
              label={t('system.clients.suggestions')}
              value={c.suggestions}
              onChange={(suggestions) => set({ suggestions })}
              error={fault('suggestions')}
            >
              <div className="row">
                {(['create', 'update', 'delete'] as const).map((kind) => (
                  <Checkbox key={kind} value={kind} label={t(`system.clients.suggestionNames.${kind}`)} />
                ))}
              </div>
            </Checkbox.Group>
            <div className="stack-tight">
              <Checkbox label={t('system.clients.markdown')} checked={c.markdown} onChange={(event) => set({ markdown: event.currentTarget.checked })} />
              <Checkbox label={t('system.clients.version3')} checked={c.version3} onChange={(event) => set({ version3: event.currentTarget.checked })} />
              <Checkbox
                label={t('system.clients.shadow')}
                description={t('system.clients.shadowHint')}
                checked={c.shadow}
                onChange={(event) => set({ shadow: event.currentTarget.checked })}
              />
              <Checkbox
                label={t('system.clients.disabled')}
                description={t('system.clients.disabledHint')}
                checked={c.disabled}
                onChange={(event) => set({ disabled: event.currentTarget.checked })}
              />
            </div>
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
        title={t('system.clients.removeTitle', { name: c.name })}
        confirm={t('system.removeConfirm')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(c.name, { onSuccess: onDone })}
        onClose={() => setAsking(false)}
      >
        <p>{t('system.clients.removeHint')}</p>
      </Confirm>
    </form>
  )
}
