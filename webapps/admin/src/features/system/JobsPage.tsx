import { Button } from '@mantine/core'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { State } from '../../system/State.tsx'
import { useText } from '../../text.ts'
import { useTasks } from './api.ts'
import type { Task } from './types.ts'

const looks = { queued: 'wait', running: 'wait', done: 'good', failed: 'bad', cancelled: 'off' } as const
const kinds = ['read-guideline', 'embed-guideline', 'run-queries', 'retention'] as const
const isKind = (kind: string): kind is (typeof kinds)[number] => (kinds as readonly string[]).includes(kind)

/** What the server works on in the background. */
export function JobsPage() {
  const t = useText()
  const tasks = useTasks()
  return (
    <Page title={t('system.jobs.title')} lead={t('system.jobs.lead')}>
      <div>
        <Button size="xs" variant="default" loading={tasks.isFetching && !tasks.isPending} onClick={() => void tasks.refetch()}>
          {t('system.health.again')}
        </Button>
      </div>
      {tasks.isPending && <Loading lines={3} />}
      {tasks.isError && <Failure error={tasks.error} onRetry={() => void tasks.refetch()} />}
      {tasks.data?.tasks.length === 0 && <Empty title={t('system.jobs.empty')} />}
      {tasks.data && tasks.data.tasks.length > 0 && <Table tasks={tasks.data.tasks} />}
    </Page>
  )
}

function Table({ tasks }: { tasks: Task[] }) {
  const t = useText()
  const lang = useLang()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('system.jobs.title')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('system.jobs.work')}</th>
            <th scope="col">{t('system.state')}</th>
            <th scope="col">{t('system.jobs.progress')}</th>
            <th scope="col">{t('system.jobs.attempts')}</th>
            <th scope="col">{t('system.jobs.changed')}</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.id}>
              <th scope="row">
                {isKind(task.kind) ? t(`system.jobs.kinds.${task.kind}`) : task.kind}
                <div className="small muted code">{task.key}</div>
              </th>
              <td>
                <State is={looks[task.state]}>{t(`system.jobs.states.${task.state}`)}</State>
                {task.message && <div className="small">{task.message}</div>}
              </td>
              <td className="num nowrap">
                {task.total > 0 && task.state !== 'done'
                  ? t('guidelines.progress', { done: formatNumber(task.done, lang), total: formatNumber(task.total, lang) })
                  : '–'}
              </td>
              <td className="num nowrap">{t('guidelines.progress', { done: task.attempts, total: task.maxAttempts })}</td>
              <td className="num nowrap">{formatDate(task.updatedAt, lang)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
