export type Handed = { id: string; key: string }

/**
 * Takes what another system handed over out of the address, before anything else of the
 * page runs: the key must stay in no history and on no screen.
 */
export function takeFragment(): Handed | null {
  if (location.pathname !== '/case/new/handover' || location.hash.length < 2) return null
  const fragment = location.hash.slice(1)
  history.replaceState(history.state, '', location.pathname)
  const [, id, key] = /^([0-9a-fA-F-]{36})\.([A-Za-z0-9_-]{1,64})$/.exec(fragment) ?? []
  return id && key ? { id, key } : null
}

let kept = takeFragment()

/** Gives what was handed over, once. */
export function handed(): Handed | null {
  const found = kept ?? takeFragment()
  kept = null
  return found
}
