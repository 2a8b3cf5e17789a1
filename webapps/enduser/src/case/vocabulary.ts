// Codes of the choices in the form. The server refuses what it does not know.

export const severities = ['mild', 'moderate', 'severe', 'septic'] as const

export const sites = [
  'blood',
  'lung',
  'gastrointestinal',
  'central-nervous-system',
  'skin-soft-tissue',
  'urinary-tract',
  'systemic',
] as const

export const riskFactors = [
  'prior-antibiotics-90d',
  'mrgn',
  'mrsa',
  'vre',
  'pseudomonas',
  'nosocomial',
  'ventilation',
  'catheter',
  'device',
  'immunosuppression',
] as const

/** Organisms to choose from, by the names that both languages use; any other name can be typed. */
export const pathogens = [
  'Escherichia coli',
  'Klebsiella pneumoniae',
  'Proteus mirabilis',
  'Enterobacter cloacae',
  'Pseudomonas aeruginosa',
  'Acinetobacter baumannii',
  'Haemophilus influenzae',
  'Legionella pneumophila',
  'Mycoplasma pneumoniae',
  'Neisseria meningitidis',
  'Staphylococcus aureus',
  'MRSA',
  'Streptococcus pneumoniae',
  'Streptococcus pyogenes',
  'Enterococcus faecalis',
  'Enterococcus faecium',
  'Listeria monocytogenes',
  'Clostridioides difficile',
  'Bacteroides fragilis',
  'Candida albicans',
]

export type AllergySubstance = { code: string; atc: string; snomed?: string }

/** Culprits that matter for antibiotics, by ATC code or group. */
export const allergySubstances: AllergySubstance[] = [
  { code: 'penicillin', atc: 'J01C', snomed: '764146007' },
  { code: 'amoxicillin', atc: 'J01CA04' },
  { code: 'ampicillin', atc: 'J01CA01' },
  { code: 'piperacillin', atc: 'J01CA12' },
  { code: 'flucloxacillin', atc: 'J01CF05' },
  { code: 'cephalosporin', atc: 'J01D' },
  { code: 'cefazolin', atc: 'J01DB04' },
  { code: 'cefuroxime', atc: 'J01DC02' },
  { code: 'ceftriaxone', atc: 'J01DD04' },
  { code: 'ceftazidime', atc: 'J01DD02' },
  { code: 'cefepime', atc: 'J01DE01' },
  { code: 'meropenem', atc: 'J01DH02' },
  { code: 'imipenem', atc: 'J01DH51' },
  { code: 'aztreonam', atc: 'J01DF01' },
  { code: 'fluoroquinolone', atc: 'J01MA' },
  { code: 'macrolide', atc: 'J01FA' },
  { code: 'clindamycin', atc: 'J01FF01' },
  { code: 'sulfamethoxazole-trimethoprim', atc: 'J01EE01' },
  { code: 'doxycycline', atc: 'J01AA02' },
  { code: 'vancomycin', atc: 'J01XA01' },
  { code: 'linezolid', atc: 'J01XX08' },
  { code: 'metronidazole', atc: 'J01XD01' },
]

export const reactions = ['anaphylaxis', 'urticaria', 'rash', 'severe-skin', 'gastrointestinal', 'unknown'] as const
