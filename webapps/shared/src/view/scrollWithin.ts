/**
 * Brings an element to the top of the box it scrolls in and leaves the page
 * where it is; without such a box the page scrolls as little as it must.
 */
export function scrollWithin(element: HTMLElement): void {
  for (let box = element.parentElement; box; box = box.parentElement) {
    const scrolls = /auto|scroll/.test(getComputedStyle(box).overflowY)
    if (scrolls && box.scrollHeight > box.clientHeight && box !== document.body) {
      box.scrollTop += element.getBoundingClientRect().top - box.getBoundingClientRect().top - 12
      return
    }
  }
  element.scrollIntoView({ block: 'nearest' })
}
