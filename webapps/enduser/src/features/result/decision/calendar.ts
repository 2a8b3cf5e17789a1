const hour = 3600 * 1000

/** An instant as iCalendar writes it (RFC 5545, 3.3.5, form 2). */
const stamp = (at: Date) => at.toISOString().replace(/[-:]|\.\d{3}/g, '')

const escaped = (text: string) => text.replace(/[\\;,]/g, (c) => `\\${c}`).replace(/\n/g, '\\n')

/** Lines of at most 75 octets (RFC 5545, 3.1). */
function folded(line: string): string {
  const bytes = new TextEncoder()
  let out = ''
  let length = 0
  for (const char of line) {
    const size = bytes.encode(char).length
    if (length + size > 75) {
      out += '\r\n '
      length = 1
    }
    out += char
    length += size
  }
  return out
}

/** The review 48 to 72 hours after the start, as a calendar file. It names no patient. */
export function reviewEvent(id: string, start: Date, summary: string, description: string): string {
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//cdss//review//EN',
    'BEGIN:VEVENT',
    `UID:${id}@cdss`,
    `DTSTAMP:${stamp(start)}`,
    `DTSTART:${stamp(new Date(start.getTime() + 48 * hour))}`,
    `DTEND:${stamp(new Date(start.getTime() + 72 * hour))}`,
    `SUMMARY:${escaped(summary)}`,
    `DESCRIPTION:${escaped(description)}`,
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    `DESCRIPTION:${escaped(summary)}`,
    'TRIGGER:PT0M',
    'END:VALARM',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ]
    .map(folded)
    .join('\r\n')
}
