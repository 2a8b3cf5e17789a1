import type { Change } from '../types.ts'

const written = new Set(['meta', 'text', 'date', 'id', 'status'])
const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

/** What differs between two texts of a resource, but for what the server writes. */
export function differenceOf(before: unknown, after: unknown): Change[] {
  const list: Change[] = []
  const walk = (a: unknown, b: unknown, path: string) => {
    if (isRecord(a) && isRecord(b)) {
      for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
        if (path === '' && written.has(name)) continue
        walk(a[name], b[name], path === '' ? name : `${path}.${name}`)
      }
    } else if (Array.isArray(a) && Array.isArray(b)) {
      for (let i = 0; i < Math.max(a.length, b.length); i++) walk(a[i], b[i], `${path}[${i}]`)
    } else if (JSON.stringify(a) !== JSON.stringify(b)) {
      list.push({ path, kind: a === undefined ? 'added' : b === undefined ? 'removed' : 'changed', before: a, after: b })
    }
  }
  walk(before, after, '')
  return list
}
