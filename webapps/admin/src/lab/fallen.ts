import { useQueries } from '@tanstack/react-query'
import { runsOf, useSets } from './api.ts'
import type { QueryRun, QuerySetHead } from './types.ts'

export type Fallen = { set: QuerySetHead; before: number; after: number }

// Smaller differences are noise, and a screen that cries wolf is not read.
const least = 0.01

/** How far the latest run of a set fell below the one before, or null where it did not. */
export function fall(runs: QueryRun[]): { before: number; after: number } | null {
  const [after, before] = [runs[0]?.groups.all?.ndcg, runs[1]?.groups.all?.ndcg]
  return after !== undefined && before !== undefined && before - after >= least ? { before, after } : null
}

/** Sets of judged queries that found less in their latest run than before. */
export function useFallen(enabled: boolean): Fallen[] {
  const sets = useSets(enabled)
  const ran = (sets.data?.sets ?? []).filter((s) => s.lastRun).slice(0, 20)
  return useQueries({
    queries: ran.map((s) => runsOf(s.id)),
    combine: (results) =>
      results.flatMap((result, i) => {
        const set = ran[i]
        const drop = fall(result.data?.runs ?? [])
        return set && drop ? [{ set, ...drop }] : []
      }),
  })
}
