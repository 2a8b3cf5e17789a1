// Command indications writes docs/INDICATIONS.md: for each of the indications how
// many options the example regimens hold, from which pages, with how many test
// cases, in which languages, and who drafted, reviewed and released it. It runs in
// cds/content (go generate) and refuses to state anything that the content does not
// hold.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	text, err := table(os.DirFS("cases"))
	if err == nil {
		err = os.WriteFile(filepath.Join("..", "..", "docs", "INDICATIONS.md"), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "indications:", err)
		os.Exit(1)
	}
}
