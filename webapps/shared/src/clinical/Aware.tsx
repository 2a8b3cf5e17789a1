import type { Aware as Group } from '../api/types.ts'
import { useShared } from '../i18n/i18n.ts'
import classes from './Aware.module.css'

/** WHO AWaRe group as letter and word. */
export function Aware({ group }: { group: Group }) {
  const t = useShared()
  const word = t(`aware.${group}`)
  return (
    <span className={`${classes.tag} ${classes[group]}`} title={t('aware.label')}>
      <span className="visually-hidden">{t('aware.label')}: </span>
      <span className={classes.letter} aria-hidden="true">
        {word.charAt(0)}
      </span>
      <span className={classes.word}>{word}</span>
    </span>
  )
}
