package eval

import (
	"fmt"
	"io"
	"strings"
)

// Row is the same queries asked in another way.
type Row struct {
	Name   string
	Report Report
}

// WriteMarkdown prints the report by group, and beside it the rows with their
// difference to it and what chance makes of that difference.
func (r Report) WriteMarkdown(w io.Writer, rows []Row) error {
	var b strings.Builder
	b.WriteString("| group | n |")
	rule := "|---|---|"
	for _, c := range columns {
		name := c.name
		if name == "ndcg" {
			name = fmt.Sprintf("nDCG@%d", r.K)
		}
		b.WriteString(" " + name + " |")
		rule += "---|"
	}
	b.WriteString("\n" + rule + "\n")
	for _, g := range r.names() {
		m := r.Groups[g]
		fmt.Fprintf(&b, "| %s | %d |", g, m.N)
		for _, c := range columns {
			digits := 3
			if c.name == "len" {
				digits = 0
			}
			fmt.Fprintf(&b, " %.*f |", digits, *c.get(&m))
		}
		b.WriteString("\n")
	}
	if a := r.Abstention; a != nil {
		fmt.Fprintf(&b, "\nOut of scope: AUC %.3f, rightly silent %.3f, wrongly silent %.3f.\n", a.AUC, a.OutOfScopeAbstained, a.FalseAbstained)
	}
	groups := []string{"all", "lang:de", "lang:en", "kind:lay", "kind:fhir"}
	fmt.Fprintf(&b, "\n| ranking | nDCG@%d |", r.K)
	for _, g := range groups[1:] {
		_, name, _ := strings.Cut(g, ":")
		b.WriteString(" " + name + " |")
	}
	b.WriteString(" recall@8k | pchar@5 | AUC | difference | p |\n|---|" + strings.Repeat("---|", len(groups)+5) + "\n")
	for i, row := range append([]Row{{Name: "**whole**", Report: r}}, rows...) {
		fmt.Fprintf(&b, "| %s |", row.Name)
		for _, g := range groups {
			if m, ok := row.Report.Groups[g]; ok {
				fmt.Fprintf(&b, " %.3f |", m.NDCG)
			} else {
				b.WriteString(" |")
			}
		}
		all := row.Report.Groups["all"]
		fmt.Fprintf(&b, " %.3f | %.3f |", all.Recall8k, all.PChar5)
		if a := row.Report.Abstention; a != nil {
			fmt.Fprintf(&b, " %.3f |", a.AUC)
		} else {
			b.WriteString(" |")
		}
		if i == 0 {
			b.WriteString(" | |\n")
			continue
		}
		c := Compare(r, row.Report)
		fmt.Fprintf(&b, " %+.3f | %.3f |\n", c.After-c.Before, c.P)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	return nil
}
