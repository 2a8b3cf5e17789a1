import { useEffect, useRef, useState } from 'react'
import type { Box } from '../api/types.ts'
import { useShared } from '../i18n/i18n.ts'
import { scrollWithin } from '../view/scrollWithin.ts'
import classes from './PageImage.module.css'

/** A part of the page that can be chosen by pointer; the same must be in reach of the keyboard elsewhere. */
export type Area = { id: string; title: string; boxes: Box[]; muted?: boolean }

type Props = {
  /** Address of the image, as a page or a place of the API names it. */
  image: string
  /** Size of the page in points. */
  width: number
  height: number
  /** As it is named to people: the printed number or the position in the document. */
  page: string | number
  /** What is marked, one box a line. */
  boxes?: Box[]
  /** The words that are marked, for those who do not see them. */
  text?: string
  lang?: string
  areas?: Area[]
  onPick?: (id: string) => void
}

/** The image of a page with boxes where the source's words are printed; they are stored at ingestion, never guessed. */
export function PageImage({ image, width, height, page, boxes = [], text, lang, areas = [], onPick }: Props) {
  const t = useShared()
  const [failed, setFailed] = useState('')
  const first = useRef<HTMLSpanElement>(null)
  const place = boxes.map((b) => `${b.x},${b.y}`).join(' ')
  useEffect(() => {
    if (place !== '' && first.current) scrollWithin(first.current)
  }, [place, image])
  if (width <= 0 || height <= 0) return null
  const at = (b: Box) => ({
    left: `${(b.x / width) * 100}%`,
    top: `${(b.y / height) * 100}%`,
    width: `${(b.width / width) * 100}%`,
    height: `${(b.height / height) * 100}%`,
  })
  return (
    <figure className={classes.page}>
      {failed === image && <p role="status">{t('source.imageFailed')}</p>}
      {failed !== image && (
        <div className={classes.sheet} style={{ aspectRatio: `${width} / ${height}` }}>
          <img src={image} alt={t('source.image', { page })} onError={() => setFailed(image)} />
          {areas.map((area) => {
            const whole = around(area.boxes)
            if (!whole) return null
            return (
              <div
                key={area.id}
                className={classes.area}
                style={at(whole)}
                title={area.title}
                data-area={area.id}
                data-muted={area.muted || undefined}
                onClick={() => onPick?.(area.id)}
              />
            )
          })}
          {boxes.map((box, i) => (
            <span key={i} ref={i === 0 ? first : undefined} className={classes.mark} style={at(box)} data-mark="" aria-hidden="true" />
          ))}
        </div>
      )}
      {text && (
        <figcaption className="visually-hidden">
          {t('source.marked')} <span lang={lang}>{text}</span>
        </figcaption>
      )}
    </figure>
  )
}

/** The smallest box around all. */
export function around(boxes: Box[]): Box | null {
  if (boxes.length === 0) return null
  const x = Math.min(...boxes.map((b) => b.x))
  const y = Math.min(...boxes.map((b) => b.y))
  return {
    x,
    y,
    width: Math.max(...boxes.map((b) => b.x + b.width)) - x,
    height: Math.max(...boxes.map((b) => b.y + b.height)) - y,
  }
}
