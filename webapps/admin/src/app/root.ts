import { createRootRoute } from '@tanstack/react-router'
import { Frame } from './Frame.tsx'
import { NotFound } from './NotFound.tsx'

export const root = createRootRoute({ component: Frame, notFoundComponent: NotFound })
