import { Button } from '@mantine/core'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useText } from '../../text.ts'
import { Changes } from './History.tsx'
import { differenceOf } from './model/difference.ts'
import type { Detail } from './types.ts'

type Props = { theirs: Detail; mine: unknown; busy: boolean; onTheirs: () => void; onMine: () => void }

/** Two edited one draft: what differs, and which text it goes on with. Nothing is overwritten before that is answered. */
export function Conflict({ theirs, mine, busy, onTheirs, onMine }: Props) {
  const t = useText()
  const last = theirs.steps[0]
  return (
    <div role="alert">
      <SeverityBand indicator="warning" title={t('rules.conflict')}>
        <p>{t('rules.conflictHint', { name: last?.name || '–', version: theirs.rule.versionId })}</p>
        <Changes changes={differenceOf(theirs.resource, mine)} before={t('rules.theirs')} after={t('rules.mine')} />
        <div className="row">
          <Button variant="default" onClick={onTheirs}>
            {t('rules.takeTheirs')}
          </Button>
          <Button variant="default" loading={busy} onClick={onMine}>
            {t('rules.keepMine')}
          </Button>
        </div>
      </SeverityBand>
    </div>
  )
}
