import { IconCircleCheckFilled, IconCircleDashed, IconCircleOff } from '@tabler/icons-react'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useText } from '../text.ts'
import classes from './GuidelineStatus.module.css'

const icons = { draft: IconCircleDashed, active: IconCircleCheckFilled, retired: IconCircleOff }

export function StatusTag({ guideline }: { guideline: Guideline }) {
  const t = useText()
  const Icon = icons[guideline.status]
  return (
    <span className={`${classes.tag} ${classes[guideline.status]}`}>
      <Icon size={16} aria-hidden="true" /> {t(`guidelines.statuses.${guideline.status}`)}
    </span>
  )
}

/** End of validity; an expired version is marked wherever it appears. */
export function Validity({ guideline }: { guideline: Guideline }) {
  const t = useText()
  const lang = useLang()
  const date = guideline.validUntil ? formatDate(guideline.validUntil, lang) : t('guidelines.noEnd')
  return (
    <span className="nowrap">
      {date}
      {guideline.expired && <strong className={classes.expired}> {t('guidelines.expired')}</strong>}
    </span>
  )
}
