import { createRoute } from '@tanstack/react-router'
import { needs } from '@cdss/shared/session/Needs.tsx'
import { lazyPart } from '@cdss/shared/view/lazyPart.tsx'
import { root } from './root.ts'

const getParentRoute = () => root

const search = createRoute({
  getParentRoute,
  path: '/search',
  component: needs('evidence:read', lazyPart(() => import('../features/search/SearchPage.tsx'), 'SearchPage')),
})
const answers = createRoute({
  getParentRoute,
  path: '/answers',
  component: needs('evidence:read', lazyPart(() => import('../features/answers/AnswersPage.tsx'), 'AnswersPage')),
})
const sets = createRoute({
  getParentRoute,
  path: '/query-sets',
  component: needs('measurements:read', lazyPart(() => import('../features/sets/SetsPage.tsx'), 'SetsPage')),
})
const set = createRoute({
  getParentRoute,
  path: '/query-sets/$id',
  component: needs('measurements:read', lazyPart(() => import('./SetRoute.tsx'), 'SetRoute')),
})

export const labRoutes = [search, answers, sets, set] as const
