import { createRoute, redirect } from '@tanstack/react-router'
import { needs } from '@cdss/shared/session/Needs.tsx'
import { lazyPart } from '@cdss/shared/view/lazyPart.tsx'
import { root } from './root.ts'

const getParentRoute = () => root

const rules = createRoute({
  getParentRoute,
  path: '/rules',
  component: needs('rules:read', lazyPart(() => import('../features/rules/RulesPage.tsx'), 'RulesPage')),
})
const newRule = createRoute({
  getParentRoute,
  path: '/rules/new',
  component: needs('rules:write', lazyPart(() => import('../features/rules/NewRulePage.tsx'), 'NewRulePage')),
})
const rule = createRoute({
  getParentRoute,
  path: '/rules/$type/$id',
  component: needs('rules:read', lazyPart(() => import('./RuleRoute.tsx'), 'RuleRoute')),
})
const table = createRoute({
  getParentRoute,
  path: '/table',
  component: needs('rules:read', lazyPart(() => import('../features/rules/TablePage.tsx'), 'TablePage')),
})
const formulary = createRoute({
  getParentRoute,
  path: '/formulary',
  component: needs('rules:read', lazyPart(() => import('../features/rules/FormularyPage.tsx'), 'FormularyPage')),
})
const feedback = createRoute({
  getParentRoute,
  path: '/feedback',
  component: needs('decisions:read', lazyPart(() => import('../features/rules/FeedbackPage.tsx'), 'FeedbackPage')),
})
const decisions = createRoute({
  getParentRoute,
  path: '/decisions',
  // The card to tell of, as its link names it: an id of ours, nothing of the patient.
  validateSearch: (search: Record<string, unknown>): { card?: string } =>
    typeof search.card === 'string' && /^[0-9a-f-]{36}$/.test(search.card) ? { card: search.card } : {},
  component: needs('decisions:read', lazyPart(() => import('../features/rules/Decisions.tsx'), 'DecisionsPage')),
})
// What runs, for reading, with the page it rests on beside.
const plan = createRoute({
  getParentRoute,
  path: '/plans/$id',
  component: needs('knowledge:read', lazyPart(() => import('./PlanRoute.tsx'), 'PlanRoute')),
})
// Kept for addresses from before.
const plans = createRoute({
  getParentRoute,
  path: '/plans',
  beforeLoad: () => {
    throw redirect({ to: '/rules' })
  },
})

export const ruleRoutes = [rules, newRule, rule, table, formulary, feedback, decisions, plans, plan]
