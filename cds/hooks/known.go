package hooks

import (
	"io/fs"
	"slices"
	"strings"
)

// Known lists the hooks whose context this server can read, sorted: those that a plan
// may name as its trigger.
func Known() []string {
	files, err := fs.Glob(schemas, "schema/*.json")
	if err != nil {
		panic(err) // the pattern is well formed
	}
	var list []string
	for _, f := range files {
		list = append(list, strings.TrimSuffix(strings.TrimPrefix(f, "schema/"), ".json"))
	}
	slices.Sort(list)
	return list
}
