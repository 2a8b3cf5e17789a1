import { Checkbox, NativeSelect, Radio, Select, TagsInput, Textarea } from '@mantine/core'
import type { StructuredRequest } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import listbox from '@cdss/shared/view/listbox.module.css'
import { useText } from '../text.ts'
import classes from './fields.module.css'
import { useIndications } from './recommendation.ts'
import { pathogens, riskFactors, severities, sites } from './vocabulary.ts'

type Props = { request: StructuredRequest; change: (patch: StructuredRequest) => void; error?: string; required?: boolean }

/** The indication, searchable and grouped by category, in the reader's language. */
export function IndicationField({ request, change, error, required }: Props) {
  const t = useText()
  const lang = useLang()
  const indications = useIndications()
  if (indications.isError) return <Failure error={indications.error} onRetry={() => void indications.refetch()} />
  const categories = indications.data?.categories ?? []
  const groups = categories
    .map((category) => ({
      group: category[lang],
      items: category.indications.map((i) => ({
        value: i.code,
        label: i.regimens ? i[lang] : `${i[lang]} (${t('request.indicationNoRegimens')})`,
      })),
    }))
    .filter((group) => group.items.length > 0)
  // Either language's name, the code and the category's name all find an indication.
  const words = new Map(
    categories.flatMap((category) =>
      category.indications.map((i) => [i.code, fold([i.de, i.en, i.code, category.de, category.en].join(' '))] as const),
    ),
  )
  const nothing = { group: t('request.indicationNone'), items: [{ value: '', label: t('request.indicationNone'), disabled: true }] }
  return (
    <Select
      id="field-indication"
      label={t('request.indication')}
      description={required ? undefined : t('request.indicationFromData')}
      placeholder={t('request.indicationPlaceholder')}
      data={groups}
      value={request.indication || null}
      onChange={(value) => change({ indication: value ?? '' })}
      error={error}
      required={required}
      withAsterisk={false}
      searchable
      clearable={!required}
      withScrollArea={false}
      classNames={{ options: listbox.options }}
      disabled={indications.isPending}
      comboboxProps={{ withinPortal: false }}
      filter={({ options, search }) => {
        const needles = fold(search).split(/\s+/)
        const found = options
          .filter((option) => 'group' in option)
          .map((group) => ({
            ...group,
            items: group.items.filter((item) => needles.every((needle) => words.get(item.value)?.includes(needle))),
          }))
          .filter((group) => group.items.length > 0)
        // An empty list box is no list box to a screen reader, so it says so in a row.
        return found.length > 0 ? found : [nothing]
      }}
    />
  )
}

/** Search ignores case and accents. */
const fold = (text: string) => text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').trim()

export function SeverityField({ request, change }: Props) {
  const t = useText()
  return (
    <Radio.Group
      label={t('request.severity')}
      description={request.severity ? undefined : t('request.severityNoneHint')}
      value={request.severity ?? ''}
      onChange={(value) => change({ severity: value })}
    >
      <div className={classes.choices}>
        {severities.map((value) => (
          <Radio key={value} value={value} label={t(`request.${value}`)} />
        ))}
        <Radio value="" label={t('request.severityNone')} />
      </div>
    </Radio.Group>
  )
}

/** found: the risk factors that the patient's data say already. They are ticked, and only other data can change that. */
export function RiskFields({ request, change, found = [] }: Props & { found?: readonly string[] }) {
  const t = useText()
  return (
    <Checkbox.Group
      label={t('request.riskFactors')}
      description={t('request.riskHint')}
      value={[...(request.riskFactors ?? []), ...found]}
      onChange={(value) => change({ riskFactors: value.filter((name) => !found.includes(name)) })}
    >
      <div className={classes.choices}>
        {riskFactors.map((value) => (
          <Checkbox
            key={value}
            value={value}
            label={t(`request.risks.${value}`)}
            disabled={found.includes(value)}
            description={found.includes(value) ? t('request.riskFound') : undefined}
          />
        ))}
      </div>
    </Checkbox.Group>
  )
}

export function MoreFields({ request, change }: Props) {
  const t = useText()
  return (
    <div className={classes.grid}>
      <NativeSelect
        label={t('request.site')}
        value={request.site ?? ''}
        onChange={(event) => change({ site: event.currentTarget.value })}
        data={[{ value: '', label: t('request.siteNone') }, ...sites.map((value) => ({ value, label: t(`request.sites.${value}`) }))]}
      />
      <NativeSelect
        label={t('request.maxOptions')}
        value={String(request.maxOptions ?? 5)}
        onChange={(event) => change({ maxOptions: Number(event.currentTarget.value) })}
        data={['1', '2', '3', '4', '5']}
      />
      <TagsInput
        label={t('request.pathogens')}
        description={t('request.pathogensHint')}
        data={pathogens}
        value={request.pathogens ?? []}
        onChange={(names) => change({ pathogens: names })}
        splitChars={[',', ';']}
        acceptValueOnBlur
        maxTags={20}
        withScrollArea={false}
        classNames={{ options: listbox.options }}
        comboboxProps={{ withinPortal: false }}
        autoComplete="off"
      />
      <Textarea
        label={t('request.freeText')}
        description={t('request.freeTextHint')}
        value={request.freeText ?? ''}
        maxLength={2000}
        autosize
        minRows={2}
        maxRows={8}
        autoComplete="off"
        onChange={(event) => change({ freeText: event.currentTarget.value })}
      />
    </div>
  )
}
