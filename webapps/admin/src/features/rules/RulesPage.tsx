import { Button, NativeSelect, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useDeferredValue, useMemo, useState } from 'react'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useRules, useUses } from './api.ts'
import { titleOf, type Rule } from './rule.ts'
import { RuleState, RulesNav } from './parts.tsx'
import type { RuleUse } from './types.ts'

const states = ['draft', 'submitted', 'approved', 'released', 'retired', 'shipped'] as const
const page = 100

export function RulesPage() {
  const t = useText()
  const lang = useLang()
  const may = useMay()
  const [type, setType] = useState('PlanDefinition')
  const rules = useRules(type)
  const uses = useUses('', may('decisions:read'))
  const [words, setWords] = useState('')
  const [state, setState] = useState('')
  const [shown, setShown] = useState(page)
  const needle = useDeferredValue(words.trim().toLowerCase())
  const all = rules.data
  const found = useMemo(
    () =>
      (all ?? []).filter(
        (r) => (state === '' || r.state === state) && [r.title.de, r.title.en, r.name, r.id, r.indication].join(' ').toLowerCase().includes(needle),
      ),
    [all, state, needle],
  )
  const use = useMemo(() => new Map(uses.data?.rules.map((u) => [u.url, u])), [uses.data])
  return (
    <Page title={t('rules.title')} lead={t('rules.lead')}>
      <RulesNav />
      <div className={shapes.fields}>
        <TextInput label={t('rules.filter')} value={words} onChange={(event) => setWords(event.currentTarget.value)} />
        <NativeSelect
          label={t('rules.type')}
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
          data={(['PlanDefinition', 'Library'] as const).map((value) => ({ value, label: t(`rules.types.${value}`) }))}
        />
        <NativeSelect
          label={t('rules.state')}
          value={state}
          onChange={(event) => setState(event.currentTarget.value)}
          data={[{ value: '', label: t('rules.allStates') }, ...states.map((value) => ({ value, label: t(`rules.states.${value}`) }))]}
        />
      </div>
      {may('rules:write') && (
        <div>
          <Button leftSection={<IconPlus size={18} aria-hidden="true" />} renderRoot={(props) => <Link {...props} to="/rules/new" />}>
            {t('rules.new')}
          </Button>
        </div>
      )}
      {rules.isPending && <Loading lines={4} />}
      {rules.isError && <Failure error={rules.error} onRetry={() => void rules.refetch()} />}
      {all && found.length === 0 && <Empty title={t('rules.none')} />}
      {found.length > 0 && (
        <>
          <p className="small muted" role="status">
            {t('rules.count', { count: found.length })}
          </p>
          <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.title')}>
            <table className={`${shapes.table} ${shapes.tight}`}>
              <thead>
                <tr>
                  <th scope="col">{t('rules.name')}</th>
                  <th scope="col">{t('rules.state')}</th>
                  <th scope="col">{t('rules.version')}</th>
                  <th scope="col">{t('rules.trigger')}</th>
                  <th scope="col" className={shapes.number}>
                    {t('rules.cited')}
                  </th>
                  <th scope="col" className={shapes.number}>
                    {t('rules.overrides')}
                  </th>
                </tr>
              </thead>
              <tbody>
                {found.slice(0, shown).map((rule) => (
                  <Row key={`${rule.type}/${rule.id}`} rule={rule} lang={lang} use={use.get(rule.url)} />
                ))}
              </tbody>
            </table>
          </div>
          {found.length > shown && (
            <div>
              <Button variant="default" onClick={() => setShown(shown + page)}>
                {t('rules.more')}
              </Button>
            </div>
          )}
        </>
      )}
    </Page>
  )
}

function Row({ rule, lang, use }: { rule: Rule; lang: 'de' | 'en'; use: RuleUse | undefined }) {
  const t = useText()
  return (
    <tr>
      <th scope="row">
        <Link to="/rules/$type/$id" params={{ type: rule.type, id: rule.id }}>
          {titleOf(rule, lang)}
        </Link>
        {rule.experimental && <div className="small muted">{t('rules.experimental')}</div>}
      </th>
      <td>
        <RuleState rule={rule} />
      </td>
      <td className="nowrap num">{rule.version}</td>
      <td className="small">
        {rule.triggers.join(', ') || (rule.pack === 'safety' ? t('rules.kinds.substances') : rule.indication ? t('rules.kinds.regimens') : '–')}
      </td>
      <td className={shapes.number}>{t('rules.citedOf', { cited: rule.coverage.cited, actions: rule.coverage.actions })}</td>
      <td className={shapes.number}>
        {use ? <Rate use={use} lang={lang} /> : '–'}
      </td>
    </tr>
  )
}

/** Overrides of all answers; without an answer how often the rule applied. */
export function Rate({ use, lang }: { use: RuleUse; lang: 'de' | 'en' }) {
  const t = useText()
  const answers = use.accepted + use.modified + use.overridden
  if (answers === 0) return <span className="small muted">{t('rules.applied', { count: use.decisions })}</span>
  return (
    <>
      {t('rules.rate', { percent: formatNumber(Math.round((100 * use.overridden) / answers), lang) })}{' '}
      <span className="small muted">{t('rules.rateOf', { overridden: use.overridden, answers })}</span>
      {use.look && <div className="small">{t('rules.look')}</div>}
    </>
  )
}
