import { useMemo } from 'react'
import { blocksOf, type Inline } from './blocks.ts'
import classes from './Passage.module.css'

function Inlines({ parts }: { parts: Inline[] }) {
  return parts.map((part, i) => {
    if (typeof part === 'string') return part
    if (part.kind === 'bold') return <strong key={i}>{part.text}</strong>
    return part.kind === 'sup' ? <sup key={i}>{part.text}</sup> : <sub key={i}>{part.text}</sub>
  })
}

/**
 * The verbatim text of a source, in its own language. Tables scroll in a box of
 * their own; label names that box for those who reach it by keyboard.
 */
export function Passage({ text, lang, label }: { text: string; lang?: string; label: string }) {
  const blocks = useMemo(() => blocksOf(text), [text])
  return (
    <div lang={lang || undefined} className={classes.passage}>
      {blocks.map((block, i) => {
        if (block.kind === 'heading') {
          return (
            <p key={i} className={classes.heading}>
              <Inlines parts={block.inlines} />
            </p>
          )
        }
        if (block.kind === 'text') {
          return (
            <p key={i} className={classes.text}>
              <Inlines parts={block.inlines} />
            </p>
          )
        }
        return (
          <div key={i} className="scroll-x" tabIndex={0} role="group" aria-label={label}>
            <table className={classes.table}>
              <tbody>
                {block.rows.map((row, r) => (
                  <tr key={r}>
                    {row.map((cell, c) => {
                      const Tag = cell.header ? 'th' : 'td'
                      return (
                        <Tag key={c} colSpan={cell.colSpan} rowSpan={cell.rowSpan}>
                          {cell.lines.map((line, l) => (
                            <span key={l} className={classes.line}>
                              <Inlines parts={line} />
                            </span>
                          ))}
                        </Tag>
                      )
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      })}
    </div>
  )
}
