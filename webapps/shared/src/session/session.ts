import { queryOptions, useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useCallback, useEffect } from 'react'
import { call } from '../api/call.ts'
import { settleLogin } from '../api/login.ts'
import type { Session } from './types.ts'

const key = ['session']

export const sessionQuery = queryOptions({
  queryKey: key,
  queryFn: ({ signal }) => call<Session>('/session', { signal }),
  staleTime: Infinity,
  gcTime: Infinity,
})

/** Who is logged in. It is asked for again when the window gets the focus: a login may have ended meanwhile. */
export function useSession() {
  return useQuery({ ...sessionQuery, refetchOnWindowFocus: 'always' })
}

/** When the guidelines that this device kept were read, if the page was opened without network: so says sw.js, never the server. */
export const useOfflineSince = () => (useSession().data as (Session & { offlineSince?: string }) | undefined)?.offlineSince

export const refetchSession = (client: QueryClient) => client.invalidateQueries({ queryKey: key })

/** Tells what the person may do, in the words of the server's matrix. */
export function useMay(): (permission: string) => boolean {
  const permissions = useSession().data?.person?.permissions
  return useCallback((permission) => permissions?.includes(permission) ?? false, [permissions])
}

// All windows of this browser share one login.
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('cdss-session')
export const tellOthers = () => channel?.postMessage('changed')

/** Asks again when another window logged in or out, and when the login should have ended. */
export function useSessionNews(expires: string | undefined): void {
  const client = useQueryClient()
  useEffect(() => {
    const again = () => void refetchSession(client)
    channel?.addEventListener('message', again)
    // A page that comes back from the browser's own cache shows what was there before.
    const revived = (event: PageTransitionEvent) => event.persisted && location.reload()
    window.addEventListener('pageshow', revived)
    return () => {
      channel?.removeEventListener('message', again)
      window.removeEventListener('pageshow', revived)
    }
  }, [client])
  useEffect(() => {
    const left = expires ? Date.parse(expires) - Date.now() : NaN
    // Longer than a timer can hold is no concern of this page.
    if (!(left < 2 ** 31 - 2000)) return
    const timer = setTimeout(() => void refetchSession(client), Math.max(left, 0) + 1000)
    return () => clearTimeout(timer)
  }, [client, expires])
}

export type Login = { name: string; passphrase: string } | { person: string }

export function useLogin() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (login: Login) => call<Session>('/session', { method: 'POST', body: login }),
    // A passphrase is not kept with what was sent.
    gcTime: 0,
    onSuccess: (session) => {
      client.setQueryData(key, session)
      settleLogin(session.person !== null)
      tellOthers()
    },
  })
}

/**
 * Ends the login and loads the app anew, so that nothing of it stays in memory and
 * the way back leads to the login.
 */
export function useLogout() {
  return useMutation({
    mutationFn: () => call<undefined>('/session', { method: 'DELETE' }),
    onSuccess: async () => {
      // A page that no worker serves, as after a forced reload, clears what the worker keeps.
      if ('caches' in globalThis) await caches.delete('cdss-guidelines')
      tellOthers()
      location.replace(location.pathname.startsWith('/admin') ? '/admin/' : '/')
    },
  })
}

export function useChangePassphrase() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (change: { old: string; new: string }) => call<unknown>('/session/passphrase', { method: 'POST', body: change }),
    gcTime: 0,
    onSuccess: () => refetchSession(client),
  })
}
