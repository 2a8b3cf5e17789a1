import { IconAlertOctagonFilled, IconAlertTriangleFilled, IconInfoCircleFilled } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { Indicator } from '../api/types.ts'
import { useShared } from '../i18n/i18n.ts'
import classes from './SeverityBand.module.css'

const icons = { critical: IconAlertOctagonFilled, warning: IconAlertTriangleFilled, info: IconInfoCircleFilled }

/** Severity is told by word, icon and form of the border, colour comes on top. */
export function SeverityBand({ indicator, title, children }: { indicator: Indicator; title: string; children?: ReactNode }) {
  const t = useShared()
  const Icon = icons[indicator]
  return (
    <div className={`${classes.band} ${classes[indicator]}`} data-indicator={indicator}>
      <Icon size={22} className={classes.icon} aria-hidden="true" />
      <div className={classes.body}>
        <p className={classes.title}>
          <span className={classes.word}>{t(`severity.${indicator}`)}:</span> {title}
        </p>
        {children}
      </div>
    </div>
  )
}
