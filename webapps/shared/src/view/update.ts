import { useSyncExternalStore } from 'react'

// After an update of the server an open page may ask for parts that are gone.
// It says so and waits: reloading by itself would throw away what was entered.

let updated = false
const listeners = new Set<() => void>()

export function watchForUpdate(): void {
  window.addEventListener('vite:preloadError', (event) => {
    event.preventDefault()
    updated = true
    for (const listener of listeners) listener()
  })
}

export function useUpdated(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => updated,
  )
}
