import { useCallback } from 'react'
import { useShared } from '../i18n/i18n.ts'
import { roles, type Role } from './types.ts'

/** Names roles for people, in the order of the matrix. */
export function useRoleNames(): (held: readonly Role[]) => string {
  const t = useShared()
  return useCallback(
    (held) => {
      const known = roles.filter((role) => held.includes(role))
      if (known.length === roles.length) return t('session.allRoles')
      return known.length > 0 ? known.map((role) => t(`session.role.${role}`)).join(', ') : t('session.noRole')
    },
    [t],
  )
}
