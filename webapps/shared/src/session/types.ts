// Who is logged in, as /api/session tells it.

export const roles = ['viewer', 'clinician', 'curator', 'approver', 'admin', 'auditor'] as const
export type Role = (typeof roles)[number]

export type Person = { id: string; name: string; roles: Role[]; permissions: string[] }
export type Choice = { id: string; name: string; roles: Role[] }

/** A way to log in: at the hospital's provider, with a passphrase, or by choosing one of the named people. */
export type Way = { kind: 'oidc' | 'passphrase' | 'choose'; label?: string; people?: Choice[] }

export type Session = {
  mode: 'open' | 'required'
  person: Person | null
  ways: Way[]
  /** When the login ends unless it is used. */
  expires?: string
  /** Somebody else knows the passphrase: another has to be chosen first. */
  mustChange?: boolean
}

/** The person everybody is while access is open and nobody was chosen. */
export const openPerson = 'open'
