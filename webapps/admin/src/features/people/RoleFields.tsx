import { Checkbox } from '@mantine/core'
import { useShared } from '@cdss/shared/i18n/i18n.ts'
import { roles, type Role } from '@cdss/shared/session/types.ts'
import { useText } from '../../text.ts'

type Props = { value: Role[]; onChange: (value: Role[]) => void; fixed?: (role: Role) => boolean; error?: string; hint?: string }

/** Roles with what each is for. They are kept apart on purpose. */
export function RoleFields({ value, onChange, fixed, error, hint }: Props) {
  const t = useText()
  const shared = useShared()
  return (
    <Checkbox.Group label={t('system.people.roles')} description={hint} value={value} onChange={(next) => onChange(roles.filter((r) => next.includes(r)))} error={error}>
      <div className="stack-tight">
        {roles.map((role) => (
          <Checkbox
            key={role}
            value={role}
            disabled={fixed?.(role)}
            label={shared(`session.role.${role}`)}
            description={t(`system.people.roleHints.${role}`)}
          />
        ))}
      </div>
    </Checkbox.Group>
  )
}
