import type { ComponentType, FunctionComponent } from 'react'
import { useShared } from '../i18n/i18n.ts'
import { Page } from '../view/Page.tsx'
import { Empty } from '../view/States.tsx'
import { useRoleNames } from './roles.ts'
import { useMay, useOfflineSince, useSession } from './session.ts'

/** A screen for whoever may one of these things; others are told, with the way out. */
export function needs(permissions: string | string[], Screen: ComponentType): FunctionComponent {
  const list = [permissions].flat()
  return function Needed() {
    const may = useMay()
    return list.some(may) ? <Screen /> : <Forbidden />
  }
}

export function Forbidden() {
  const t = useShared()
  const names = useRoleNames()
  const person = useSession().data?.person
  const offline = useOfflineSince() !== undefined
  if (offline) return (
    <Page title={t('session.needsNetwork')}>
      <Empty title={t('fault.offline')} />
    </Page>
  )
  return (
    <Page title={t('session.forbidden')}>
      <Empty title={t('session.forbiddenHint')}>
        {person && <p>{t('session.loggedInAs', { name: person.name, roles: names(person.roles) })}</p>}
        <p>{t('session.forbiddenHelp')}</p>
      </Empty>
    </Page>
  )
}
