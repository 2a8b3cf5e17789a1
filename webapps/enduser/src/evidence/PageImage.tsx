import { useEffect, useRef } from 'react'
import { scrollWithin } from '@cdss/shared/view/scrollWithin.ts'
import { useText } from '../text.ts'
import classes from './PageImage.module.css'

/** A box on a page in points, from its upper left corner. */
export type Box = { x: number; y: number; width: number; height: number }

type Props = { src: string; width: number; height: number; boxes: Box[]; label: string }

/** A page as it is printed, with the stored boxes over it. Without boxes nothing is marked, and that is said. */
export function PageImage({ src, width, height, boxes, label }: Props) {
  const t = useText()
  const first = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    if (first.current) scrollWithin(first.current)
  }, [src])
  const percent = (part: number, whole: number) => `${(100 * part) / whole}%`
  const marked = width > 0 && height > 0 ? boxes : []
  return (
    <figure className={classes.figure}>
      <div className={classes.page}>
        <img src={src} alt={label} width={width || undefined} height={height || undefined} loading="lazy" />
        {marked.map((box, i) => (
          <span
            key={i}
            ref={i === 0 ? first : undefined}
            className={classes.box}
            data-mark
            aria-hidden="true"
            style={{
              left: percent(box.x, width),
              top: percent(box.y, height),
              width: percent(box.width, width),
              height: percent(box.height, height),
            }}
          />
        ))}
      </div>
      {marked.length === 0 && <figcaption className="small muted">{t('evidence.noBoxes')}</figcaption>}
    </figure>
  )
}
