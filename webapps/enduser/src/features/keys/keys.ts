// What the single keys do. They act on what is on the page, so that a key never does
// anything that a click could not.

const typing = (element: Element | null) =>
  element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName))

const cards = () => Array.from(document.querySelectorAll<HTMLElement>('[data-card]'))
const current = () => document.activeElement?.closest<HTMLElement>('[data-card]') ?? null

function show(card: HTMLElement | undefined): void {
  card?.focus({ preventScroll: true })
  card?.scrollIntoView({ block: 'nearest' })
}

/** Goes to the next or the previous card; from anywhere else to the first. */
function step(by: 1 | -1): void {
  const all = cards()
  const card = current()
  show(card ? (all[all.indexOf(card) + by] ?? card) : all[0])
}

/** Presses a button of the card that has the focus. Without one nothing is decided: the first card takes the focus. */
function press(selector: string): void {
  const card = current()
  if (!card) return show(cards()[0])
  card.querySelector<HTMLElement>(selector)?.click()
}

export type Handlers = { help: () => void; search: () => void }

/** Handles a key; true when it was one of ours. */
export function handle(event: KeyboardEvent, { help, search }: Handlers): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false
  if (typing(document.activeElement) || document.querySelector('dialog[open], [role=dialog]')) return false
  switch (event.key.toLowerCase()) {
    case '?':
      help()
      return true
    case '/':
      search()
      return true
    case 'j':
      step(1)
      return true
    case 'k':
      step(-1)
      return true
    case 'e':
      press('[data-source]')
      return true
    case 'a':
      press('[data-action=accept]')
      return true
    case 'o':
      press('[data-action=override]')
      return true
  }
  return false
}

export const list = [
  ['/', 'search'],
  ['J', 'next'],
  ['K', 'previous'],
  ['E', 'evidence'],
  ['A', 'accept'],
  ['O', 'override'],
  ['?', 'help'],
  ['Esc', 'escape'],
] as const
