import { lazy, Suspense, type ComponentType, type FunctionComponent } from 'react'
import { Loading } from './States.tsx'

// Nothing to show: the notice of the update stands above.
const Missing = () => null

/**
 * A screen that comes when it is asked for. Where it is gone, because the server
 * was updated meanwhile, the page stays as it is: the router's own way would
 * reload it and lose what was entered.
 */
export function lazyPart<Name extends string>(load: () => Promise<Record<Name, ComponentType>>, name: Name): FunctionComponent {
  const Part = lazy(async () => {
    const module = (await load()) as Record<Name, ComponentType> | undefined
    return { default: module?.[name] ?? Missing }
  })
  return function LazyPart() {
    return (
      <Suspense fallback={<Loading />}>
        <Part />
      </Suspense>
    )
  }
}
