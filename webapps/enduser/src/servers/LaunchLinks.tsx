import { IconPlugConnected } from '@tabler/icons-react'
import { Button } from '@mantine/core'
import { useText } from '../text.ts'
import { launchFrom, useServers } from './api.ts'

/** One link for each server that an app can be launched from: there the patient is chosen. */
export function LaunchLinks() {
  const t = useText()
  const servers = useServers(true).data?.launchable ?? []
  if (servers.length === 0) return null
  return (
    <section className="stack-tight" aria-labelledby="launch-from">
      <h2 id="launch-from">{t('launch.from')}</h2>
      <p className="small muted">{t('launch.fromHint')}</p>
      <div className="row">
        {servers.map((server) => (
          <Button
            key={server}
            component="a"
            href={launchFrom(server)}
            variant="default"
            leftSection={<IconPlugConnected size={18} aria-hidden="true" />}
          >
            {server}
          </Button>
        ))}
      </div>
    </section>
  )
}
