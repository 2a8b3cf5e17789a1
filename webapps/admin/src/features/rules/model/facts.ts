// The facts that conditions name, as the server knows them (cds/facts): the name in
// an expression, what is read, and what it may be compared with.

export type FactKind = 'yes' | 'number' | 'text' | 'codes'
export type FactInfo = { name: string; kind: FactKind; unit?: string; values?: string[]; de: string; en: string }

const yes = (name: string, de: string, en: string): FactInfo => ({ name, kind: 'yes', de, en })
const number = (name: string, unit: string, de: string, en: string): FactInfo => ({ name, kind: 'number', unit, de, en })
const text = (name: string, values: string[], de: string, en: string): FactInfo => ({ name, kind: 'text', values, de, en })
const codes = (name: string, de: string, en: string): FactInfo => ({ name, kind: 'codes', de, en })

export const facts: FactInfo[] = [
  number('age', 'a', 'Alter', 'age'),
  text('sex', ['male', 'female', 'other'], 'Geschlecht', 'sex'),
  number('weight', 'kg', 'Gewicht', 'weight'),
  number('bmi', 'kg/m²', 'Body-Mass-Index', 'body mass index'),
  text('indication', [], 'Indikation', 'indication'),
  text('severity', ['mild', 'moderate', 'severe', 'septic'], 'Schweregrad', 'severity'),
  text('site', ['blood', 'lung', 'gastrointestinal', 'central-nervous-system', 'skin-soft-tissue', 'urinary-tract', 'systemic'], 'Infektionsort', 'site of infection'),
  yes('septicShock', 'septischer Schock', 'septic shock'),
  number('egfrCkdEpi2021', 'ml/min/1,73 m²', 'eGFR (CKD-EPI 2021)', 'eGFR (CKD-EPI 2021)'),
  number('creatinineClearanceCockcroftGault', 'ml/min', 'Kreatinin-Clearance (Cockcroft-Gault)', 'creatinine clearance (Cockcroft-Gault)'),
  yes('creatinineUnstable', 'Kreatinin instabil', 'creatinine unstable'),
  yes('dialysis', 'Dialyse', 'dialysis'),
  yes('pregnancy', 'Schwangerschaft', 'pregnancy'),
  yes('lactation', 'Stillzeit', 'breast-feeding'),
  yes('allergyPenicillin', 'Penicillinallergie', 'penicillin allergy'),
  yes('allergyCephalosporin', 'Cephalosporinallergie', 'cephalosporin allergy'),
  yes('allergyBetaLactam', 'Betalaktamallergie', 'beta-lactam allergy'),
  yes('allergyFluoroquinolone', 'Fluorchinolonallergie', 'fluoroquinolone allergy'),
  yes('allergyMacrolide', 'Makrolidallergie', 'macrolide allergy'),
  codes('conditions', 'Diagnosen (Code beginnt mit)', 'diagnoses (code begins with)'),
  codes('medications', 'Medikation (ATC beginnt mit)', 'medication (ATC begins with)'),
  codes('allergies', 'Allergien (ATC beginnt mit)', 'allergies (ATC begins with)'),
  codes('pathogens', 'Erreger (Name beginnt mit)', 'pathogens (name begins with)'),
  yes('icu', 'Intensivstation', 'intensive care'),
  yes('nosocomial', 'im Krankenhaus erworben (≥ 48 h)', 'hospital-acquired (≥ 48 h)'),
  number('hospitalDays', 'd', 'Tage im Krankenhaus bis zur Infektion', 'days in hospital until the infection'),
  yes('priorAntibiotics90d', 'Antibiotika in den letzten 90 Tagen', 'antibiotics within 90 days'),
  yes('mrsa', 'MRSA', 'MRSA'),
  yes('mrgn', 'MRGN/ESBL', 'MRGN/ESBL'),
  yes('vre', 'VRE', 'VRE'),
  yes('pseudomonasRisk', 'Risiko für Pseudomonas', 'risk of Pseudomonas'),
  yes('ventilation', 'Beatmung', 'ventilation'),
  yes('urinaryCatheter', 'Harnwegskatheter', 'urinary catheter'),
  yes('immunosuppression', 'Immunsuppression', 'immunosuppression'),
  yes('device', 'Implantat oder Fremdkörper', 'implant or device'),
  number('crb65', '', 'CRB-65', 'CRB-65'),
  number('curb65', '', 'CURB-65', 'CURB-65'),
  number('qsofa', '', 'qSOFA', 'qSOFA'),
  number('sofa', '', 'SOFA', 'SOFA'),
  number('news2', '', 'NEWS2', 'NEWS2'),
  yes('liverDisease', 'Lebererkrankung', 'liver disease'),
  text('childPughClass', ['A', 'B', 'C'], 'Child-Pugh-Klasse', 'Child-Pugh class'),
  yes('oralSwitchPossible', 'orale Umstellung möglich', 'oral switch possible'),
]

export const factNamed = (name: string) => facts.find((fact) => fact.name === name)
