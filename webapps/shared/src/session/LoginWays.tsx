import { Button } from '@mantine/core'
import { Fragment, type ReactNode } from 'react'
import { useShared } from '../i18n/i18n.ts'
import { Failure } from '../view/States.tsx'
import classes from './LoginWays.module.css'
import { PassphraseLogin } from './PassphraseLogin.tsx'
import { useRoleNames } from './roles.ts'
import { useLogin } from './session.ts'
import type { Choice, Way } from './types.ts'

/** All ways this server offers, the hospital's own first. Beside what is typed, a login at the provider takes a window of its own. */
export function LoginWays({ ways, beside }: { ways: Way[]; beside?: boolean }) {
  const t = useShared()
  const parts: ReactNode[] = []
  for (const way of ways) {
    if (way.kind === 'oidc') parts.push(<Provider label={way.label} beside={beside} />)
    if (way.kind === 'passphrase') parts.push(<PassphraseLogin />)
    if (way.kind === 'choose' && way.people) parts.push(<People people={way.people} />)
  }
  if (parts.length === 0) return <p>{t('session.noWay')}</p>
  return parts.map((part, i) => (
    <Fragment key={i}>
      {i > 0 && <p className={classes.or}>{t('session.or')}</p>}
      {part}
    </Fragment>
  ))
}

function Provider({ label, beside }: { label?: string; beside?: boolean }) {
  const t = useShared()
  // The way back is the path that is open, never one that somebody handed over.
  const back = beside ? '/signed-in' : location.pathname + location.search
  return (
    <div className="stack-tight">
      <Button
        fullWidth
        data-autofocus
        component="a"
        href={`/api/session/oidc?return=${encodeURIComponent(back)}`}
        {...(beside ? { target: '_blank', rel: 'noopener' } : {})}
      >
        {label ? t('session.withProvider', { name: label }) : t('session.withSite')}
      </Button>
      {beside && <p className="small muted">{t('session.newWindow')}</p>}
    </div>
  )
}

/** People to be chosen, for trying and for demonstrations on this machine. */
export function People({ people, current, onChosen }: { people: Choice[]; current?: string; onChosen?: () => void }) {
  const t = useShared()
  const names = useRoleNames()
  const login = useLogin()
  return (
    <div className="stack-tight">
      <p className="small muted">
        {t('session.chooseHint')} {current !== undefined && t('session.chooseClears')}
      </p>
      <ul className={classes.people}>
        {people.map((person) => (
          <li key={person.id}>
            <button
              type="button"
              className={classes.person}
              disabled={login.isPending}
              aria-pressed={current === undefined ? undefined : current === person.id}
              onClick={() => login.mutate({ person: person.id }, { onSuccess: onChosen })}
            >
              <span>{person.name}</span>
              <span className="small muted">{names(person.roles)}</span>
            </button>
          </li>
        ))}
      </ul>
      {login.isError && <Failure error={login.error} />}
    </div>
  )
}
