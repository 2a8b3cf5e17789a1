import { Component, type ReactNode } from 'react'
import { useShared } from '../i18n/i18n.ts'

function Crashed() {
  const t = useShared()
  return (
    <div role="alert" className="stack">
      <h1>{t('crash.title')}</h1>
      <p>{t('crash.body')}</p>
      <p>
        <button type="button" onClick={() => location.reload()}>
          {t('reload')}
        </button>
      </p>
    </div>
  )
}

/** Keeps a fault of one view from taking the frame with it. */
export class Boundary extends Component<{ children: ReactNode }, { crashed: boolean }> {
  override state = { crashed: false }

  static getDerivedStateFromError() {
    return { crashed: true }
  }

  override render() {
    return this.state.crashed ? <Crashed /> : this.props.children
  }
}
