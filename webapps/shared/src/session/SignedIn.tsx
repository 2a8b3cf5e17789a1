import { useEffect } from 'react'
import { useShared } from '../i18n/i18n.ts'
import { Page } from '../view/Page.tsx'
import { LoginPage } from './LoginPage.tsx'
import { tellOthers } from './session.ts'
import type { Way } from './types.ts'

/** Where a login ends that was asked for beside a page: the page is told, this window has nothing more to do. */
export function SignedIn({ done, ways }: { done: boolean; ways: Way[] }) {
  const t = useShared()
  useEffect(() => {
    if (done) tellOthers()
  }, [done])
  if (!done) return <LoginPage ways={ways} />
  return (
    <Page title={t('session.signedIn')}>
      <p>{t('session.signedInHint')}</p>
      <p>
        <a href="/">{t('session.toStart')}</a>
      </p>
    </Page>
  )
}
