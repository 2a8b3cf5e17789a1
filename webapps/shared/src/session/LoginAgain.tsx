import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef } from 'react'
import { askLoginWith, settleLogin } from '../api/login.ts'
import { useShared } from '../i18n/i18n.ts'
import { Dialog } from '../view/Dialog.tsx'
import { LoginWays } from './LoginWays.tsx'
import { refetchSession, useSession, useSessionNews } from './session.ts'
import type { Person } from './types.ts'

/**
 * Asks for a new login above the page when the one before has ended; the page and
 * what was typed into it stay as they are, and calls that were refused are sent
 * again. For somebody else the page is emptied.
 */
export function LoginAgain({ before }: { before: Person }) {
  const t = useShared()
  const client = useQueryClient()
  const session = useSession().data
  useSessionNews(session?.expires)
  const now = session?.person ?? null
  const refused = useRef(false)
  useEffect(() => {
    askLoginWith(() => {
      refused.current = true
      void refetchSession(client)
    })
    return () => {
      askLoginWith(null)
      settleLogin(false)
    }
  }, [client])
  const fetching = useSession().isFetching
  const other = now !== null && now.id !== before.id
  const open = now === null
  useEffect(() => {
    if (other) location.reload()
    // Somebody is there: a call that was refused came too early or from before.
    if (refused.current && now !== null && !other && !fetching) {
      refused.current = false
      settleLogin(true)
    }
  }, [other, now, fetching])
  const leave = useCallback(() => {
    settleLogin(false)
    location.replace(location.pathname.startsWith('/admin') ? '/admin/' : '/')
  }, [])
  return (
    <Dialog open={open} title={t('session.ended')} cover>
      <p>{t('session.endedHint', { name: before.name })}</p>
      <LoginWays ways={session?.ways ?? []} beside />
      <div className="row">
        <Button variant="subtle" size="xs" onClick={leave}>
          {t('session.leave')}
        </Button>
      </div>
    </Dialog>
  )
}
