// The JSON of /api/system/tasks and /api/outbound.

export type Task = {
  id: string
  kind: string
  key: string
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  stage: string
  done: number
  total: number
  attempts: number
  maxAttempts: number
  message: string
  updatedAt: string
}
export type Tasks = { tasks: Task[] }

export type Sent = {
  sentAt: string
  purpose: string
  host: string
  model: string
  bytes: number
  sha256: string
  /** Of the reply, 0 when there was none. */
  status: number
  tokens: number
  durationMs: number
}
/** Online models: those that are configured, and what was sent to them. */
export type Outbound = { destinations: { purpose: string; host: string; model: string }[]; requests: Sent[] }
