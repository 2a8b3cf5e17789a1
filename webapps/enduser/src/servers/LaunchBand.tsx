import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Failure } from '@cdss/shared/view/States.tsx'
import type { Case } from '../case/cases.ts'
import fields from '../case/fields.module.css'
import { useText } from '../text.ts'
import { endLaunch } from './api.ts'

/** From which server the data of a case come, and what a launch may not read. */
export function LaunchBand({ case: c }: { case: Case }) {
  const t = useText()
  const navigate = useNavigate()
  const end = useMutation({ mutationFn: endLaunch, onSuccess: () => navigate({ to: '/' }) })
  if (!c.remote) return null
  return (
    <section className={fields.section} aria-label={t('launch.source')}>
      <div className="stack-tight">
        <p>
          {t(c.origin === 'launch' ? 'launch.by' : 'launch.readFrom', { server: c.remote.server })}{' '}
          {c.origin === 'launch' && (
            <button type="button" className="link" disabled={end.isPending} onClick={() => end.mutate()}>
              {t('launch.end')}
            </button>
          )}
        </p>
        {c.unreadable.length > 0 && (
          <p className="small">
            <strong>{t('launch.unreadable')}:</strong> <span className="code">{c.unreadable.join(', ')}</span>
          </p>
        )}
        {end.isError && <Failure error={end.error} />}
      </div>
    </section>
  )
}
