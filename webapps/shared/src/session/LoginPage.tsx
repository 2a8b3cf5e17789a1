import { useEffect, useState } from 'react'
import { SeverityBand } from '../clinical/SeverityBand.tsx'
import { useShared } from '../i18n/i18n.ts'
import { Page } from '../view/Page.tsx'
import classes from './LoginWays.module.css'
import { LoginWays } from './LoginWays.tsx'
import type { Way } from './types.ts'

/** Stands in the place of whatever was asked for; after the login that is there, since the address stays. */
export function LoginPage({ ways }: { ways: Way[] }) {
  const t = useShared()
  const outcome = useOutcome()
  return (
    <div className={classes.card}>
      <Page title={t('session.title')} lead={t('session.lead')}>
        {outcome && (
          <div role="alert">
            <SeverityBand indicator="warning" title={t(outcome === 'unavailable' ? 'session.providerAway' : 'session.refused')} />
          </div>
        )}
        <div className={classes.box}>
          <LoginWays ways={ways} />
        </div>
        <p className="small muted">{t('session.help')}</p>
      </Page>
    </div>
  )
}

/** What came of a login at the provider, which the server tells in the address; it is taken out of there. */
function useOutcome(): string | null {
  const [outcome] = useState(() => new URLSearchParams(location.search).get('login'))
  useEffect(() => {
    const address = new URL(location.href)
    if (!address.searchParams.has('login')) return
    address.searchParams.delete('login')
    history.replaceState(history.state, '', address.pathname + address.search)
  }, [])
  return outcome
}
