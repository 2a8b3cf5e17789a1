import { Link } from '@tanstack/react-router'
import { Empty } from '@cdss/shared/view/States.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { useText } from '../text.ts'

export function NotFound() {
  const t = useText()
  return (
    <Page title={t('notFound.title')}>
      <Empty title={t('notFound.title')}>
        <Link to="/">{t('notFound.back')}</Link>
      </Empty>
    </Page>
  )
}
