import { Link, Outlet, useMatchRoute } from '@tanstack/react-router'
import { useMay } from '@cdss/shared/session/session.ts'
import { Frame as SharedFrame } from '@cdss/shared/view/Frame.tsx'
import { useText } from '../text.ts'
import { parts } from './parts.ts'

export function Frame() {
  const t = useText()
  const may = useMay()
  const current = { 'aria-current': 'page' as const }
  // The first part of the system the person may see stands for all of them.
  const system = parts.find((part) => may(part.needs))
  return (
    <SharedFrame
      brand={<Link to="/">{t('product')}</Link>}
      navLabel={t('nav.label')}
      nav={
        <>
          <Link to="/" activeOptions={{ exact: true }} activeProps={current}>
            {t('nav.overview')}
          </Link>
          {may('evidence:read') && (
            <>
              <Link to="/guidelines" activeProps={current}>
                {t('nav.guidelines')}
              </Link>
              <Link to="/search" activeProps={current}>
                {t('nav.search')}
              </Link>
            </>
          )}
          {may('rules:read') && <RulesLink />}
          {system && <SystemLink to={system.to} />}
          {may('recommendations:ask') && <a href="/">{t('nav.app')}</a>}
        </>
      }
      purpose={t('purpose')}
    >
      <Outlet />
    </SharedFrame>
  )
}

/** Current on every screen around rules. */
function RulesLink() {
  const t = useText()
  const match = useMatchRoute()
  const inside = (['/rules', '/plans', '/table', '/formulary', '/feedback', '/decisions'] as const).some((to) => match({ to, fuzzy: true }))
  return (
    <Link to="/rules" aria-current={inside ? 'page' : undefined} activeProps={{}}>
      {t('nav.plans')}
    </Link>
  )
}

/** Current on every page of the system, wherever the link leads to. */
function SystemLink({ to }: { to: (typeof parts)[number]['to'] }) {
  const t = useText()
  const inside = useMatchRoute()({ to: '/system', fuzzy: true })
  return (
    <Link to={to} aria-current={inside ? 'page' : undefined} activeProps={{}}>
      {t('nav.system')}
    </Link>
  )
}
