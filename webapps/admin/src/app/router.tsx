import { createRoute, createRouter } from '@tanstack/react-router'
import { needs } from '@cdss/shared/session/Needs.tsx'
import { lazyPart } from '@cdss/shared/view/lazyPart.tsx'
import { OverviewPage } from '../features/overview/OverviewPage.tsx'
import { labRoutes } from './labRoutes.ts'
import { root } from './root.ts'
import { ruleRoutes } from './ruleRoutes.ts'
import { systemRoutes } from './systemRoutes.ts'

const overview = createRoute({ getParentRoute: () => root, path: '/', component: OverviewPage })
// All but the first screen come when they are asked for.
const guidelines = createRoute({
  getParentRoute: () => root,
  path: '/guidelines',
  component: needs('evidence:read', lazyPart(() => import('../features/guidelines/GuidelinesPage.tsx'), 'GuidelinesPage')),
})
const guideline = createRoute({
  getParentRoute: () => root,
  path: '/guidelines/$id',
  // Page and passage of the source to open; guidelines are public, so they may stand in the address.
  validateSearch: (search: Record<string, unknown>): { page?: number; passage?: string } => {
    const page = Number(search.page)
    return {
      ...(Number.isInteger(page) && page > 0 ? { page } : {}),
      ...(typeof search.passage === 'string' ? { passage: search.passage } : {}),
    }
  },
  component: needs('evidence:read', lazyPart(() => import('./GuidelineRoute.tsx'), 'GuidelineRoute')),
})

export const router = createRouter({
  routeTree: root.addChildren([overview, guidelines, guideline, ...labRoutes, ...ruleRoutes, systemRoutes]),
  basepath: '/admin',
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
