package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"

	"cdss/fhir"
)

// build gives the artifact files of the source tables by name.
func build(fsys fs.FS) (map[string][]byte, error) {
	_, system, err := readIndications(fsys)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if err := put(files, "codesystem-indication.json", system); err != nil {
		return nil, err
	}
	return files, nil
}

// put adds a resource, indented for readers of a difference.
func put(files map[string][]byte, name string, o *fhir.Object) error {
	var b bytes.Buffer
	if err := json.Indent(&b, o.JSON(), "", " "); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	b.WriteByte('\n')
	files[name] = b.Bytes()
	return nil
}
