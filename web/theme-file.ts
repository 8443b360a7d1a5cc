import { convertCssVariables, defaultCssVariablesResolver, DEFAULT_THEME, mergeMantineTheme } from '@mantine/core'
import type { Plugin } from 'vite'
import { cssVariables, theme } from './src/theme.ts'

const name = 'virtual:theme.css'

/** The theme's variables as a file: Mantine would write them into the page, which the policy forbids. */
export function themeFile(): Plugin {
  return {
    name: 'theme-file',
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load: (id) => (id === `\0${name}` ? css() : undefined),
  }
}

function css(): string {
  const merged = mergeMantineTheme(DEFAULT_THEME, theme)
  const [all, own] = [defaultCssVariablesResolver(merged), cssVariables(merged)]
  return convertCssVariables(
    {
      variables: { ...all.variables, ...own.variables },
      light: { ...all.light, ...own.light },
      dark: { ...all.dark, ...own.dark },
    },
    ':root',
  )
}
