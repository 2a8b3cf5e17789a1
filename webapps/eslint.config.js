import hooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

// A feature knows its app's case room and the shared package, never another
// feature and never the frame that holds it.
const boundaries = {
  rules: {
    feature: {
      meta: { type: 'problem', schema: [] },
      create(context) {
        const file = context.filename.replaceAll('\\', '/')
        const own = /\/(enduser|admin)\/src\/(features\/[^/]+|app|[^/]+)\//.exec(file)
        const shared = file.includes('/webapps/shared/src/')
        const check = (node) => {
          const target = node.source?.value
          if (typeof target !== 'string') return
          if (shared && /^@cdss\/(enduser|admin)/.test(target)) {
            context.report({ node, message: 'shared knows no app' })
          }
          if (!own || !target.startsWith('.')) return
          const path = new URL(target, `file://${file}`).pathname
          const reached = /\/(enduser|admin)\/src\/(features\/[^/]+|app|[^/]+)\//.exec(path)
          if (!reached || reached[2] === own[2] || own[2] === 'app') return
          if (reached[2] === 'app') context.report({ node, message: `${own[2]} imports the frame` })
          else if (reached[2].startsWith('features/')) context.report({ node, message: `${own[2]} imports ${reached[2]}` })
        }
        return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check, ImportExpression: check }
      },
    },
  },
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '**/api.d.ts'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { boundaries, 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      'boundaries/feature': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-globals': ['error', 'sessionStorage', 'indexedDB'],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXText[value=/[A-Za-zÄÖÜäöü]{2,}/]',
          message: 'text people read comes from the translations',
        },
        {
          selector: 'JSXAttribute[name.name=/^(aria-label|label|placeholder|title|alt|description)$/] > Literal[value=/[A-Za-zÄÖÜäöü]{2,}/]',
          message: 'text people read comes from the translations',
        },
        { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'foreign text is never markup' },
      ],
    },
  },
  // Tests look into what the apps must not touch.
  { files: ['e2e/**'], rules: { 'no-restricted-globals': 'off' } },
)
