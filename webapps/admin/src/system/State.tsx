import { IconAlertTriangleFilled, IconCircleCheckFilled, IconCircleDashed, IconCircleOff } from '@tabler/icons-react'
import classes from './State.module.css'

const icons = { good: IconCircleCheckFilled, bad: IconAlertTriangleFilled, wait: IconCircleDashed, off: IconCircleOff }

/** A state by word and icon; colour comes on top. */
export function State({ is, children }: { is: keyof typeof icons; children: string }) {
  const Icon = icons[is]
  return (
    <span className={`${classes.state} ${classes[is]}`}>
      <Icon size={16} aria-hidden="true" /> {children}
    </span>
  )
}
