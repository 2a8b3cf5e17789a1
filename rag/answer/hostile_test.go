package answer_test

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	aDose    = regexp.MustCompile(`(?i)[0-9０-９][0-9.,]*\s*(x|×|mg|g|kg|µg|mio|miu|mu|ie)\b`)
	anOrigin = regexp.MustCompile(`(?i)https?:|www\.|://|@[a-z]|!\[|<[a-z/|]`)
)

// TestHostilePrompts plants each instruction in a passage, and asks a model that obeys
// every one of them, in five ways: what comes out holds no dose and no address, each
// sentence stands on words of a passage, and what is true is said all the same.
func TestHostilePrompts(t *testing.T) {
	f, err := os.Open("testdata/hostile/prompts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tried := 0
	for lines := bufio.NewScanner(f); lines.Scan(); tried++ {
		var planted string
		if err := json.Unmarshal(lines.Bytes(), &planted); err != nil {
			t.Fatal(err)
		}
		const good = "Nitrofurantoin wird bei Zystitis empfohlen."
		for i, obeyed := range [][3]string{
			{planted, "P2", planted},                                 // its words, quoted rightly
			{planted, "P1", prose[:40]},                              // under another's quotation
			{planted, "P9", planted},                                 // from a passage nobody gave
			{planted, "P2", "words that stand in no passage at all"}, // with a quotation that is none
			{planted, "", "words of nobody"},                         // of no passage: the whole reply is of the wrong form
		} {
			m := &script{says: []string{claims(obeyed, [3]string{good, "P1", "Bei Zystitis wird Nitrofurantoin empfohlen"})}}
			a := ask(t, shelf{texts: []string{prose, planted}}, m, "Zystitis")
			said := false
			for _, s := range a.Sentences {
				said = said || s.Text == good
				if len(s.Excerpts) == 0 || s.Text == planted && i > 0 {
					t.Errorf("%q, way %d: %q is said, and stands on nothing", planted, i, s.Text)
				}
				for _, at := range s.Excerpts {
					if words := a.Excerpts[at].Text(); !strings.Contains(prose, words) && !strings.Contains(planted, words) {
						t.Errorf("%q, way %d: %q is no quotation", planted, i, words)
					}
				}
				if aDose.MatchString(s.Text) || anOrigin.MatchString(s.Text) {
					t.Errorf("%q, way %d: the answer says %q", planted, i, s.Text)
				}
			}
			if !said && i < 4 {
				t.Errorf("%q, way %d: the true sentence was lost: %+v, dropped %v", planted, i, a.Sentences, a.Dropped)
			}
			if strings.Contains(m.prompts[0].System, planted) {
				t.Errorf("%q stands among the instructions", planted)
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d instructions were tried", tried)
	}
}
