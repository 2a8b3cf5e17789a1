import { useLayoutEffect, useRef } from 'react'
import classes from './PrintPage.module.css'

/** Height of A4 less its margins, with a little left for how printers differ. */
const room = (297 - 24 - 5) * (96 / 25.4)

// Below 0.76 the 8.5 pt of the sheet become 6.5 pt, which is too small to read;
// what does not fit then takes a second page rather than being lost.
const sizes = [1, 0.94, 0.88, 0.82, 0.76]

/** Makes the sheet as large as one A4 page allows. The page is laid out as paper for a moment, unseen. */
export function usePaperFit(content: unknown) {
  const sheet = useRef<HTMLElement>(null)
  useLayoutEffect(() => {
    const element = sheet.current
    if (!element) return
    element.classList.add(classes.paper ?? '')
    for (const size of sizes) {
      element.style.setProperty('--fit', String(size))
      if (element.scrollHeight <= room) break
    }
    element.classList.remove(classes.paper ?? '')
  }, [content])
  return sheet
}
