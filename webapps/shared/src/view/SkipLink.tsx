import { useShared } from '../i18n/i18n.ts'
import classes from './SkipLink.module.css'

/** The first stop of the keyboard; the frame's main element bears the id. */
export function SkipLink() {
  const t = useShared()
  return (
    <a
      href="#content"
      className={classes.skip}
      onClick={(event) => {
        // A router may own the hash; moving the focus is what counts.
        event.preventDefault()
        document.getElementById('content')?.focus()
      }}
    >
      {t('skip')}
    </a>
  )
}
