import { Link, Outlet } from '@tanstack/react-router'
import { Frame as SharedFrame } from '@cdss/shared/view/Frame.tsx'
import { useText } from '../text.ts'

export function Frame() {
  const t = useText()
  const current = { 'aria-current': 'page' as const }
  return (
    <SharedFrame
      brand={<Link to="/">{t('product')}</Link>}
      navLabel={t('nav.label')}
      nav={
        <>
          <Link to="/" activeOptions={{ exact: true }} activeProps={current}>
            {t('nav.overview')}
          </Link>
          <Link to="/guidelines" activeProps={current}>
            {t('nav.guidelines')}
          </Link>
          <Link to="/search" activeProps={current}>
            {t('nav.search')}
          </Link>
          <Link to="/plans" activeProps={current}>
            {t('nav.plans')}
          </Link>
          <a href="/">{t('nav.app')}</a>
        </>
      }
      purpose={t('purpose')}
    >
      <Outlet />
    </SharedFrame>
  )
}
