import { createRoute } from '@tanstack/react-router'
import { needs } from '@cdss/shared/session/Needs.tsx'
import { lazyPart } from '@cdss/shared/view/lazyPart.tsx'
import { root } from './root.ts'
import { SystemFrame } from './SystemFrame.tsx'

const system = createRoute({ getParentRoute: () => root, path: '/system', component: SystemFrame })
const getParentRoute = () => system

const health = createRoute({
  getParentRoute,
  path: '/',
  component: needs('settings:read', lazyPart(() => import('../features/system/HealthPage.tsx'), 'HealthPage')),
})
const jobs = createRoute({
  getParentRoute,
  path: '/jobs',
  component: needs('settings:read', lazyPart(() => import('../features/system/JobsPage.tsx'), 'JobsPage')),
})
const flow = createRoute({
  getParentRoute,
  path: '/data-flow',
  component: needs('settings:read', lazyPart(() => import('../features/system/DataFlowPage.tsx'), 'DataFlowPage')),
})
const people = createRoute({
  getParentRoute,
  path: '/people',
  component: needs('people:read', lazyPart(() => import('../features/people/PeoplePage.tsx'), 'PeoplePage')),
})
const clients = createRoute({
  getParentRoute,
  path: '/clients',
  component: needs('registrations:read', lazyPart(() => import('../features/clients/ClientsPage.tsx'), 'ClientsPage')),
})
const client = createRoute({
  getParentRoute,
  path: '/clients/$name',
  component: needs('registrations:read', lazyPart(() => import('./ClientRoute.tsx'), 'ClientRoute')),
})
const newClient = createRoute({
  getParentRoute,
  path: '/new-client',
  component: needs('registrations:write', lazyPart(() => import('./ClientRoute.tsx'), 'NewClientRoute')),
})
const servers = createRoute({
  getParentRoute,
  path: '/servers',
  component: needs('registrations:read', lazyPart(() => import('../features/servers/ServersPage.tsx'), 'ServersPage')),
})
const server = createRoute({
  getParentRoute,
  path: '/servers/$name',
  component: needs('registrations:read', lazyPart(() => import('./ServerRoute.tsx'), 'ServerRoute')),
})
const newServer = createRoute({
  getParentRoute,
  path: '/new-server',
  component: needs('registrations:write', lazyPart(() => import('./ServerRoute.tsx'), 'NewServerRoute')),
})
const audit = createRoute({
  getParentRoute,
  path: '/audit',
  component: needs('audit:read', lazyPart(() => import('../features/audit/AuditPage.tsx'), 'AuditPage')),
})

export const systemRoutes = system.addChildren([health, jobs, flow, people, clients, client, newClient, servers, server, newServer, audit])
