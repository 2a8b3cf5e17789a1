declare global {
  var early: Record<string, Promise<Response> | undefined> | undefined
}

/** Milliseconds after its start in which a page still believes what it asked for at its start. */
const fresh = 10_000

/** Gives the answer that index.html asked for before the app was there, once. */
export function takeEarly(path: string): Promise<Response> | undefined {
  const answer = globalThis.early?.[path]
  if (!answer) return undefined
  globalThis.early = { ...globalThis.early, [path]: undefined }
  return performance.now() < fresh ? answer : undefined
}
