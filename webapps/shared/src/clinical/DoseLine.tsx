import type { Ingredient } from '../api/types.ts'
import { doseSegments, formatParts } from '../format/dose.ts'
import { useLang, useShared } from '../i18n/i18n.ts'
import classes from './DoseLine.module.css'

/**
 * Substance, and below it dose, route, interval and duration in one line. No
 * number is ever parted from its unit; on the narrowest screens the line may
 * turn only between whole segments.
 */
export function DoseLine({ ingredient }: { ingredient: Ingredient }) {
  const t = useShared()
  const lang = useLang()
  const parts = formatParts(ingredient.dose, lang)
  return (
    <div className={classes.ingredient}>
      <p className={classes.name}>{ingredient.name}</p>
      <p className={classes.line}>
        {doseSegments(ingredient, lang).map((segment, i) => (
          <span key={i} className={i === 0 ? classes.first : classes.segment}>
            {segment}
          </span>
        ))}
      </p>
      {parts && <p className="small muted">{t('dose.parts', { parts })}</p>}
      {ingredient.loadingDose && (
        <p className="small">
          <strong>{t('dose.loading')}:</strong> {ingredient.loadingDose}
        </p>
      )}
      {ingredient.infusion && (
        <p className="small">
          <strong>{t('dose.infusion')}:</strong> {ingredient.infusion}
        </p>
      )}
    </div>
  )
}
