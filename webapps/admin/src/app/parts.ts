// The parts of the system, each with what its screen asks the server for.
export const parts = [
  { name: 'health', to: '/system', needs: 'settings:read' },
  { name: 'people', to: '/system/people', needs: 'people:read' },
  { name: 'clients', to: '/system/clients', needs: 'registrations:read' },
  { name: 'servers', to: '/system/servers', needs: 'registrations:read' },
  { name: 'jobs', to: '/system/jobs', needs: 'settings:read' },
  { name: 'flow', to: '/system/data-flow', needs: 'settings:read' },
  { name: 'audit', to: '/system/audit', needs: 'audit:read' },
] as const
