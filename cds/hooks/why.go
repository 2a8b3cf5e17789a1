package hooks

import (
	"strings"

	"cdss/cds"
)

// why names the page that tells how a card came about.
var why = cds.Text{DE: "Wie es zu diesem Hinweis kam (mit Anmeldung)", EN: "How this advice came about (login needed)"}

// explained gives each card a link to the decision behind it. It names the card and
// nothing else: no value of the patient stands in an address, and who follows it needs
// a login and the right to read decisions. The link is absolute, since a smart link
// would start an app with the patient's context, which that page has no use for
// (CDS Hooks 2.0.1, Link).
func explained(cards []cds.Card, base string, lang cds.Lang) {
	if base == "" {
		return
	}
	for i := range cards {
		if cards[i].UUID != "" {
			cards[i].Links = append(cards[i].Links, cds.Link{Label: why.In(lang), URL: base + "/admin/decisions?card=" + cards[i].UUID, Type: "absolute"})
		}
	}
}

// maxName bounds an id of the client's that is written into log and trail.
const maxName = 128

// harmless tells whether an id of the client's can stand in log and trail as it came:
// what ids, references and addresses are written with, and no text.
func harmless(id string) bool {
	return id != "" && len(id) <= maxName && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/|+=#@") == ""
}
