import { Drawer } from '@mantine/core'
import { useShared } from '@cdss/shared/i18n/i18n.ts'
import { Quote } from '@cdss/shared/clinical/Quote.tsx'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { Place } from '../../evidence/Place.tsx'
import { useText } from '../../text.ts'
import { EvidencePanel } from './EvidencePanel.tsx'
import classes from './EvidenceDrawer.module.css'
import type { Sources } from './sources.ts'

type Props = { sources: Sources; selected: string | null; back: () => void }

/**
 * On a narrow screen: the selected passage over the page, all passages at its
 * end. Escape closes and gives the keyboard back to the opener.
 */
export function EvidenceDrawer({ sources, selected, back }: Props) {
  const t = useText()
  const shared = useShared()
  const source = sources.cited.find((s) => s.key === selected)
  return (
    <>
      <section aria-labelledby="evidence">
        <EvidencePanel sources={sources} selected={null} back={back} />
      </section>
      <Drawer.Root opened={source !== undefined} onClose={back} position="bottom" size="70%" returnFocus={false}>
        <Drawer.Overlay />
        <Drawer.Content aria-label={t('result.evidence')}>
          <Drawer.Header component="div">
            <Drawer.Title component="p">
              {shared('citation.source')} {source?.number}
            </Drawer.Title>
            <Drawer.CloseButton aria-label={shared('view.close')} />
          </Drawer.Header>
          <Drawer.Body className={classes.body}>
            {source && (
              <div className="stack-tight">
                <SourceLine source={source.citation} expired={source.evidence?.expired} validUntil={source.evidence?.validUntil} />
                <Quote text={source.citation.quote ?? source.evidence?.quote ?? null} />
                <Place citation={source.citation} quote={source.citation.quote ?? source.evidence?.quote ?? null} />
              </div>
            )}
          </Drawer.Body>
        </Drawer.Content>
      </Drawer.Root>
    </>
  )
}
