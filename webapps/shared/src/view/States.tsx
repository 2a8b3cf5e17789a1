import { Button, Skeleton } from '@mantine/core'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { ApiError } from '../api/error.ts'
import { useLang, useShared } from '../i18n/i18n.ts'
import { SeverityBand } from '../clinical/SeverityBand.tsx'
import classes from './States.module.css'

/** Loading: shapes of the final size; words for those who do not see them, and for all after two seconds. */
export function Loading({ lines = 3, onCancel }: { lines?: number; onCancel?: () => void }) {
  const t = useShared()
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 2000)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div className="stack" data-state="loading">
      <p role="status" className={late ? undefined : 'visually-hidden'}>
        {t(late ? 'view.stillLoading' : 'view.loading')}
      </p>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} height={i === 0 ? 28 : 84} aria-hidden="true" />
      ))}
      {late && onCancel && (
        <div>
          <Button variant="default" onClick={onCancel}>
            {t('view.cancel')}
          </Button>
        </div>
      )}
    </div>
  )
}

/** Error: what happened, in the server's words where it has some, what to do, and the number that finds it in the log. */
export function Failure({ error, onRetry, children }: { error: unknown; onRetry?: () => void; children?: ReactNode }) {
  const t = useShared()
  const api = error instanceof ApiError ? error : new ApiError('server', 0, '', [], '')
  const general = t(`fault.${api.fault}`)
  const lang = useLang()
  const said = (lang === 'de' && api.german) || api.title
  const box = useRef<HTMLDivElement>(null)
  return (
    <div role="alert" ref={box} data-state="error">
      <SeverityBand indicator="warning" title={general}>
        {said && said !== general && <p>{said}</p>}
        {api.details.length > 0 && (
          <>
            <p className="small">{t('view.details')}:</p>
            <ul className="small">
              {api.details.map((detail, i) => (
                <li key={i}>
                  {detail.where && <span className="code">{detail.where}: </span>}
                  {detail.what}
                </li>
              ))}
            </ul>
          </>
        )}
        {api.requestId && <p className="small muted">{t('view.requestId', { id: api.requestId })}</p>}
        <div className="row">
          {onRetry && (
            <Button size="xs" variant="default" onClick={onRetry}>
              {t('view.retry')}
            </Button>
          )}
          {children}
        </div>
      </SeverityBand>
    </div>
  )
}

/** Empty: what would stand here and how to get it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes.empty} data-state="empty">
      <p className={classes.title}>{title}</p>
      {children}
    </div>
  )
}
