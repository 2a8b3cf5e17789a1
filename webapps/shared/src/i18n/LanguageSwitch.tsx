import { setLang, useLang, useShared } from './i18n.ts'
import classes from './LanguageSwitch.module.css'

/** Two buttons; each names its language in that language. */
export function LanguageSwitch() {
  const t = useShared()
  const lang = useLang()
  return (
    <div role="group" aria-label={t('language')} className={classes.group}>
      {(['de', 'en'] as const).map((code) => (
        <button
          key={code}
          type="button"
          lang={code}
          aria-pressed={lang === code}
          className={classes.button}
          onClick={() => setLang(code)}
        >
          <span aria-hidden="true">{code.toUpperCase()}</span>
          <span className="visually-hidden">{t(code === 'de' ? 'german' : 'english')}</span>
        </button>
      ))}
    </div>
  )
}
