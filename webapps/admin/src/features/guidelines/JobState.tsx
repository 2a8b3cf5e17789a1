import { Progress } from '@mantine/core'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useText } from '../../text.ts'

/** Progress of ingestion while it runs; why it failed when it did. Silent once it is done. */
export function JobState({ guideline }: { guideline: Guideline }) {
  const t = useText()
  const lang = useLang()
  const job = guideline.job
  if (!job || job.state === 'done') return null
  const said = (lang === 'de' && job.messageDe) || job.message
  const share = job.total > 0 ? Math.round((job.done / job.total) * 100) : 0
  const words = [t(`guidelines.stage.${job.state}`), job.total > 0 ? t('guidelines.progress', { done: job.done, total: job.total }) : '']
  return (
    <div className="stack-tight">
      <p className="small" role="status">
        <strong>{words.filter(Boolean).join(': ')}</strong>
        {said && ` – ${said}`}
      </p>
      {job.state !== 'failed' && <Progress value={share} aria-label={t(`guidelines.stage.${job.state}`)} maw={320} />}
    </div>
  )
}
