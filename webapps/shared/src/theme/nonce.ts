import { setNonce } from 'get-nonce'

let nonce = ''

/**
 * Hands the page's nonce to whatever injects styles: Mantine asks for it by
 * pageNonce, the scroll lock of dialogs takes it from get-nonce. To be called
 * before the first render: without it the policy blocks the styles while
 * everything still works, only unstyled.
 */
export function adoptNonce(): void {
  // The property, not the attribute: browsers hide the attribute's value.
  nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
  if (nonce) setNonce(nonce)
}

export const pageNonce = () => nonce
