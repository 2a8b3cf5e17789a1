import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useRoleNames } from '@cdss/shared/session/roles.ts'
import { useMay, useSession } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { State } from '../../system/State.tsx'
import type { Person } from '../../system/types.ts'
import { useText } from '../../text.ts'
import { usePeople } from './api.ts'
import { AddDialog } from './AddDialog.tsx'
import { ChangeDialog } from './ChangeDialog.tsx'
import { ResetDialog } from './ResetDialog.tsx'

type Asked = { what: 'add' } | { what: 'change' | 'reset'; person: Person }

export function PeoplePage() {
  const t = useText()
  const people = usePeople()
  const may = useMay()
  const session = useSession().data
  const [asked, setAsked] = useState<Asked | null>(null)
  const list = people.data?.people ?? []
  const close = () => setAsked(null)
  const admins = list.filter((p) => p.roles.includes('admin') && !p.disabled)
  return (
    <Page title={t('system.people.title')} lead={t('system.people.lead')}>
      {may('people:write') && (
        <div>
          <Button leftSection={<IconPlus size={18} aria-hidden="true" />} onClick={() => setAsked({ what: 'add' })}>
            {t('system.people.add')}
          </Button>
        </div>
      )}
      {session?.mode === 'open' && <p className="small muted">{t('system.people.openHint')}</p>}
      {people.isPending && <Loading lines={3} />}
      {people.isError && <Failure error={people.error} onRetry={() => void people.refetch()} />}
      {people.data && list.length === 0 && (
        <Empty title={t('system.people.empty')}>
          <p>{t('system.people.emptyHint')}</p>
        </Empty>
      )}
      {list.length > 0 && <Table people={list} onAsk={setAsked} />}
      <AddDialog open={asked?.what === 'add'} onClose={close} />
      <ChangeDialog
        person={asked?.what === 'change' ? asked.person : null}
        self={session?.person?.id}
        lastAdmin={asked?.what === 'change' && admins.length === 1 && admins[0]?.id === asked.person.id}
        onClose={close}
      />
      <ResetDialog person={asked?.what === 'reset' ? asked.person : null} onClose={close} />
    </Page>
  )
}

function Table({ people, onAsk }: { people: Person[]; onAsk: (asked: Asked) => void }) {
  const t = useText()
  const lang = useLang()
  const roles = useRoleNames()
  const write = useMay()('people:write')
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('system.people.title')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('system.people.display')}</th>
            <th scope="col">{t('system.people.roles')}</th>
            <th scope="col">{t('system.state')}</th>
            <th scope="col">{t('system.people.way')}</th>
            <th scope="col">{t('system.people.lastLogin')}</th>
            {write && <th scope="col">{t('guidelines.actions')}</th>}
          </tr>
        </thead>
        <tbody>
          {people.map((p) => (
            <tr key={p.id}>
              <th scope="row">
                {p.display}
                <div className="small muted code">{p.id}</div>
              </th>
              <td>{roles(p.roles)}</td>
              <td>{p.disabled ? <State is="off">{t('system.people.disabled')}</State> : <State is="good">{t('system.people.active')}</State>}</td>
              <td className="small">
                {p.provider ? t('system.people.provider') : p.passphrase ? t('system.people.passphrase') : t('system.people.notYet')}
                {p.mustChange && <div className="muted">{t('system.people.mustChange')}</div>}
              </td>
              <td className="nowrap num">{p.lastLogin ? formatDate(p.lastLogin, lang) : t('system.people.never')}</td>
              {write && (
                <td>
                  <div className="row">
                    <Button size="xs" variant="default" aria-label={t('system.people.changeOf', { name: p.display })} onClick={() => onAsk({ what: 'change', person: p })}>
                      {t('system.people.change')}
                    </Button>
                    {!p.provider && (
                      <Button size="xs" variant="default" aria-label={t('system.people.resetOf', { name: p.display })} onClick={() => onAsk({ what: 'reset', person: p })}>
                        {t('system.people.reset')}
                      </Button>
                    )}
                  </div>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
