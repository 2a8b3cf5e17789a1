import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
import { needs } from '@cdss/shared/session/Needs.tsx'
import { lazyPart } from '@cdss/shared/view/lazyPart.tsx'
import { About } from '../features/about/About.tsx'
import { StartPage } from '../features/start/StartPage.tsx'
import { Frame } from './Frame.tsx'
import { NotFound } from './NotFound.tsx'

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound })

const start = createRoute({ getParentRoute: () => root, path: '/', component: StartPage })
// The start is small; the rest of the way to an answer comes right behind it, so that a
// connection lost meanwhile does not end the way.
const parts = {
  form: () => import('../features/form/FormPage.tsx'),
  bundle: () => import('../features/bundle/BundlePage.tsx'),
  review: () => import('./ReviewRoute.tsx'),
  result: () => import('./ResultRoute.tsx'),
}
setTimeout(() => {
  for (const load of Object.values(parts)) void load().catch(() => undefined)
}, 1500)

const form = createRoute({
  getParentRoute: () => root,
  path: '/case/new/form',
  component: needs('recommendations:ask', lazyPart(parts.form, 'FormPage')),
})
const bundle = createRoute({
  getParentRoute: () => root,
  path: '/case/new/bundle',
  component: needs('recommendations:ask', lazyPart(parts.bundle, 'BundlePage')),
})
const review = createRoute({
  getParentRoute: () => root,
  path: '/case/$id/review',
  component: needs('recommendations:ask', lazyPart(parts.review, 'ReviewRoute')),
})
const result = createRoute({
  getParentRoute: () => root,
  path: '/case/$id',
  component: needs('recommendations:ask', lazyPart(parts.result, 'ResultRoute')),
})
const print = createRoute({
  getParentRoute: () => root,
  path: '/case/$id/print',
  component: needs('recommendations:ask', lazyPart(() => import('./PrintRoute.tsx'), 'PrintRoute')),
})
const launch = createRoute({
  getParentRoute: () => root,
  path: '/case/new/launch',
  component: needs('recommendations:ask', lazyPart(() => import('../features/launch/LaunchPage.tsx'), 'LaunchPage')),
})
const patients = createRoute({
  getParentRoute: () => root,
  path: '/case/new/patients',
  component: needs('patients:search', lazyPart(() => import('../features/patients/PatientsPage.tsx'), 'PatientsPage')),
})
const handover = createRoute({
  getParentRoute: () => root,
  path: '/case/new/handover',
  component: needs('recommendations:ask', lazyPart(() => import('../features/handover/HandoverPage.tsx'), 'HandoverPage')),
})
const saved = createRoute({
  getParentRoute: () => root,
  path: '/saved',
  component: needs('cases:write', lazyPart(() => import('../features/saved/SavedPage.tsx'), 'SavedPage')),
})
const guidelines = createRoute({
  getParentRoute: () => root,
  path: '/guidelines',
  component: needs('evidence:read', lazyPart(() => import('../features/guidelines/GuidelinesPage.tsx'), 'GuidelinesPage')),
})
const reader = createRoute({
  getParentRoute: () => root,
  path: '/guidelines/$id/p/$sheet',
  component: needs('evidence:read', lazyPart(() => import('../features/guidelines/ReaderRoute.tsx'), 'ReaderRoute')),
})
const about = createRoute({ getParentRoute: () => root, path: '/about', component: About })

export const router = createRouter({
  routeTree: root.addChildren([start, form, bundle, launch, patients, handover, review, result, print, saved, guidelines, reader, about]),
  scrollRestoration: false,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
