import { useCallback } from 'react'
import { useText } from '../../text.ts'

const kinds = [
  'read',
  'search',
  'create',
  'update',
  'delete',
  'advice',
  'feedback',
  'approve',
  'retire',
  'retention',
  'erase',
  'export',
  'setting',
  'account',
  'login',
  'logout',
] as const
const isKind = (kind: string): kind is (typeof kinds)[number] => (kinds as readonly string[]).includes(kind)

/** Names what was done; a kind that came later stands as the server wrote it. */
export function useKindName(): (kind: string) => string {
  const t = useText()
  return useCallback((kind) => (isKind(kind) ? t(`system.audit.kinds.${kind}`) : kind), [t])
}
