import { IconFlask } from '@tabler/icons-react'
import classes from './ExampleBanner.module.css'

/** Marks example content. The words are the server's own, so that every screen says the same. */
export function ExampleBanner({ text }: { text: string }) {
  return (
    <p className={classes.banner} role="note">
      <IconFlask size={18} aria-hidden="true" className={classes.icon} />
      <span>{text}</span>
    </p>
  )
}
