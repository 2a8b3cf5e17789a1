import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link } from '@tanstack/react-router'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { refetchSession, useOfflineSince } from '@cdss/shared/session/session.ts'
import { useText } from '../text.ts'

/** Says that there is no network, what is still there, and how old that is. */
export function OfflineBand() {
  const t = useText()
  const lang = useLang()
  const client = useQueryClient()
  const since = useOfflineSince()
  const [opened] = useState(since)
  // With the network come the person and all else: nothing can have been entered meanwhile.
  useEffect(() => {
    if (opened && !since) location.reload()
  }, [opened, since])
  useEffect(() => {
    if (!opened) return
    const again = () => void refetchSession(client)
    window.addEventListener('online', again)
    // The device has a network before the server can be reached, or hears nothing of it.
    const timer = setInterval(again, 4000)
    return () => {
      window.removeEventListener('online', again)
      clearInterval(timer)
    }
  }, [opened, client])
  if (!since) return null
  return (
    <div style={{ marginBottom: '1rem' }}>
      <SeverityBand indicator="warning" title={t('offline.title')}>
        <p>
          {t('offline.hint', { date: formatDate(since, lang) })} <Link to="/guidelines">{t('offline.toGuidelines')}</Link>
        </p>
      </SeverityBand>
    </div>
  )
}
