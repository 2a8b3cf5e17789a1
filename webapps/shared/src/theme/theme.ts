import { createTheme, Input, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

// Shade 8 is the one used in both schemes; white on it has a contrast of 6.3:1.
const primary: MantineColorsTuple = [
  '#e7f2fb',
  '#cfe3f5',
  '#a3c9ec',
  '#72ade2',
  '#4b95d9',
  '#3386d3',
  '#1971c2',
  '#1a68ae',
  '#18609f',
  '#0d4478',
]

export const theme = createTheme({
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "Source Code Pro", Menlo, Consolas, monospace',
  primaryColor: 'primary',
  colors: { primary },
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  respectReducedMotion: true,
  defaultRadius: 4,
  cursorType: 'pointer',
  focusRing: 'never', // ours is drawn in base.css, the same on every control
  fontSizes: { xs: '0.8125rem', sm: '0.875rem', md: '1rem', lg: '1.125rem', xl: '1.25rem' },
  components: {
    // Hints stand below, so that fields in a row line up.
    InputWrapper: Input.Wrapper.extend({ defaultProps: { inputWrapperOrder: ['label', 'input', 'description', 'error'] } }),
  },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
})

// Mantine's own defaults miss the contrast asked for in several places, so its
// variables are bound to our tokens.
export const resolver: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': 'var(--bg)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--muted)',
    '--mantine-color-placeholder': 'var(--muted)',
    '--mantine-color-error': 'var(--critical)',
    '--mantine-color-anchor': 'var(--link)',
    '--mantine-color-default-border': 'var(--line-strong)',
  },
  dark: {
    '--mantine-color-body': 'var(--bg)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--muted)',
    '--mantine-color-placeholder': 'var(--muted)',
    '--mantine-color-error': 'var(--critical)',
    '--mantine-color-anchor': 'var(--link)',
    '--mantine-color-default': 'var(--raised)',
    '--mantine-color-default-border': 'var(--line-strong)',
    '--mantine-color-primary-light': 'var(--accent-bg)',
    '--mantine-color-primary-light-color': 'var(--link)',
    '--mantine-color-primary-light-hover': 'var(--accent-bg)',
  },
})
