import { Button } from '@mantine/core'
import { SeverityBand } from '../clinical/SeverityBand.tsx'
import { useShared } from '../i18n/i18n.ts'
import { useUpdated } from './update.ts'

export function UpdateNotice() {
  const t = useShared()
  if (!useUpdated()) return null
  return (
    <div role="alert" className="no-print">
      <SeverityBand indicator="info" title={t('updated')}>
        <div>
          <Button size="xs" variant="default" onClick={() => location.reload()}>
            {t('reload')}
          </Button>
        </div>
      </SeverityBand>
    </div>
  )
}
