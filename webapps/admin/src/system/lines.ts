/** Entries of a field that takes one per line; commas part them too. */
export const linesOf = (text: string) =>
  text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')

export const textOf = (lines: readonly string[]) => lines.join('\n')
