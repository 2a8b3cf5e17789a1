import { useState, type ReactNode } from 'react'
import { Failure, Loading } from '../view/States.tsx'
import { ChangePassphrasePage } from './ChangePassphrase.tsx'
import { LoginAgain } from './LoginAgain.tsx'
import { LoginPage } from './LoginPage.tsx'
import { SignedIn } from './SignedIn.tsx'
import { useSession } from './session.ts'
import type { Person } from './types.ts'

/** Shows its children to whoever is logged in, and to nobody else the login. */
export function Gate({ children }: { children: ReactNode }) {
  const session = useSession()
  const person = session.data?.person ?? null
  // Who the page was opened by: what is on it is this person's.
  const [owner, setOwner] = useState<Person | null>(null)
  if (person && !owner) setOwner(person)
  if (session.isPending) return <Loading />
  if (!session.data) return <Failure error={session.error} onRetry={() => void session.refetch()} />
  if (location.pathname === '/signed-in') return <SignedIn done={person !== null} ways={session.data.ways} />
  const before = owner ?? person
  if (!before) return <LoginPage ways={session.data.ways} />
  if (session.data.mustChange) return <ChangePassphrasePage />
  return (
    <>
      {children}
      <LoginAgain before={before} />
    </>
  )
}
