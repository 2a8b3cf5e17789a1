import type { ReactNode } from 'react'
import shapes from '../guideline/table.module.css'

/** Fields that belong together, under a name that is read out with them. */
export function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className={shapes.group}>
      <legend>{title}</legend>
      <div className="stack">{children}</div>
    </fieldset>
  )
}
