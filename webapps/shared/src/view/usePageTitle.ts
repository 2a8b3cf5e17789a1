import { useEffect } from 'react'

/**
 * Names the screen in the window's title and takes the keyboard to its heading,
 * as a page load would. A title never holds patient data.
 */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title
  }, [title])
}
