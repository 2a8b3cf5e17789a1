import { Link, Outlet } from '@tanstack/react-router'
import { useMay } from '@cdss/shared/session/session.ts'
import { Frame as SharedFrame } from '@cdss/shared/view/Frame.tsx'
import { Keys } from '../features/keys/Keys.tsx'
import { useText } from '../text.ts'
import { OfflineBand } from './OfflineBand.tsx'

export function Frame() {
  const t = useText()
  const may = useMay()
  const current = { 'aria-current': 'page' as const }
  return (
    <SharedFrame
      brand={<Link to="/">{t('product')}</Link>}
      navLabel={t('nav.label')}
      nav={
        <>
          <Link to="/" activeOptions={{ exact: true }} activeProps={current}>
            {t('nav.start')}
          </Link>
          {may('evidence:read') && (
            <Link to="/guidelines" activeProps={current}>
              {t('nav.guidelines')}
            </Link>
          )}
          {may('cases:write') && (
            <Link to="/saved" activeProps={current}>
              {t('nav.saved')}
            </Link>
          )}
          <Link to="/about" activeProps={current}>
            {t('nav.about')}
          </Link>
        </>
      }
      purpose={t('purpose')}
      links={may('knowledge:read') && <a href="/admin/">{t('nav.admin')}</a>}
    >
      <OfflineBand />
      <Outlet />
      <Keys />
    </SharedFrame>
  )
}
