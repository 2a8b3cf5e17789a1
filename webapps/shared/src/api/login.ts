// The join between a call that is told its login is over and whoever asks for a
// new one: all calls that come back meanwhile wait for the same answer, then are
// sent again. So what was typed survives.

type Ask = () => void

let ask: Ask | null = null
let waiting: { promise: Promise<boolean>; settle: (loggedIn: boolean) => void } | null = null

/** Says who asks for a login. Without anybody a call simply fails. */
export function askLoginWith(how: Ask | null): void {
  ask = how
}

/** Waits until somebody is logged in again; false when nobody will be. */
export function loginAgain(): Promise<boolean> {
  if (!ask) return Promise.resolve(false)
  if (!waiting) {
    let settle: (loggedIn: boolean) => void = () => undefined
    const promise = new Promise<boolean>((resolve) => (settle = resolve))
    waiting = { promise, settle }
    ask()
  }
  return waiting.promise
}

/** Lets all calls go on that wait. */
export function settleLogin(loggedIn: boolean): void {
  const current = waiting
  waiting = null
  current?.settle(loggedIn)
}
