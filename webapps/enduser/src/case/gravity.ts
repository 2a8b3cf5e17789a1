import type { Indicator, Warning } from '@cdss/shared/api/types.ts'

const order: Record<Indicator, number> = { critical: 0, warning: 1, info: 2 }

/** Gravest first; within one degree the server's order stays. */
export const byGravity = (warnings: Warning[]) => [...warnings].sort((a, b) => order[a.indicator] - order[b.indicator])
