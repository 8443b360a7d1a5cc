import {
  createTheme,
  type CSSVariablesResolver,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core'

// Cool greys; the darkest is the ink that text and the main action are set in.
const gray: MantineColorsTuple = [
  '#f7f8fa',
  '#eff1f4',
  '#e4e7ec',
  '#d3d8e0',
  '#b3bac7',
  '#8a93a3',
  '#636c7c',
  '#474f5d',
  '#2b313c',
  '#16181d',
]

const dark: MantineColorsTuple = [
  '#e9ebef',
  '#c3c8d1',
  '#9aa2af',
  '#7b8492',
  '#4a515d',
  '#343a44',
  '#262b33',
  '#191d23',
  '#12151a',
  '#0b0d11',
]

const cobalt: MantineColorsTuple = [
  '#eef3ff',
  '#dbe5ff',
  '#b8ccff',
  '#8fadff',
  '#6a91fd',
  '#3b6cf6',
  '#2c5ae0',
  '#2149bd',
  '#1b3b98',
  '#152c70',
]

/** The main action is ink on paper, or paper on ink; colour is left to links, focus and states. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input)
  if (input.variant !== 'filled' || (input.color ?? input.theme.primaryColor) !== 'ink') return colors
  return { ...colors, color: 'var(--mantine-primary-color-contrast)' }
}

export const theme = createTheme({
  colors: { gray, dark, cobalt, ink: gray },
  primaryColor: 'ink',
  primaryShade: { light: 9, dark: 0 },
  autoContrast: true,
  white: '#ffffff',
  black: '#16181d',
  fontFamily: "'Geist Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'Geist Mono Variable', ui-monospace, monospace",
  headings: { fontWeight: '600' },
  defaultRadius: 'md',
  radius: { md: '8px', lg: '14px' },
  cursorType: 'pointer',
  variantColorResolver,
  components: {
    InputWrapper: { defaultProps: { size: 'sm' }, classNames: { label: 'label', error: 'wrong' } },
  },
})

/** Read by the build too, which writes these variables to a file: the policy allows no inline styles. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#fbfbfc',
    '--mantine-color-dimmed': '#5b6472',
    '--mantine-color-placeholder': '#6d7686',
    '--mantine-color-error': '#c2261d',
    '--mantine-color-anchor': '#2149bd',
    '--paper': '#ffffff',
    '--line': '#e4e7ec',
    '--well': '#f4f5f8',
    '--done': '#15803d',
    '--running': '#2c5ae0',
    '--mantine-primary-color-contrast': '#ffffff',
    '--mantine-color-ink-filled-hover': '#2b313c',
  },
  dark: {
    '--mantine-color-body': '#0b0d11',
    '--mantine-color-dimmed': '#9aa2af',
    '--mantine-color-placeholder': '#7f8897',
    '--mantine-color-error': '#ff8a80',
    '--mantine-color-anchor': '#8fadff',
    '--mantine-color-default': '#191d23',
    '--mantine-color-default-border': '#343a44',
    '--paper': '#12151a',
    '--line': '#262b33',
    '--well': '#191d23',
    '--done': '#5cd18a',
    '--running': '#8fadff',
    '--mantine-primary-color-contrast': '#16181d',
    '--mantine-color-ink-filled': '#f4f5f7',
    '--mantine-color-ink-filled-hover': '#d3d8e0',
  },
})
