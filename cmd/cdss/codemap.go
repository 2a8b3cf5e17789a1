package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	cdsstore "cdss/cds/store"
	"cdss/cds/translate"
	"cdss/fhir"
	"cdss/fhir/store"
)

// mapsEvery is how often the server looks whether the maps of local codes have
// changed.
const mapsEvery = 3 * time.Second

// followMaps keeps the table of local codes equal to the ConceptMaps that are
// stored, so that a hook needs no database for them.
func (h *house) followMaps(ctx context.Context) {
	stamp := ""
	for {
		now, err := h.fhir.store.Stamp(ctx, "ConceptMap")
		if err == nil && now != stamp {
			var maps []*fhir.Resource
			if maps, err = h.fhir.store.All(ctx, "ConceptMap"); err == nil {
				table := translate.New(maps)
				h.local.Store(table)
				stamp = now
				h.log.Info("maps of local codes read", "codes", table.Len())
			}
		}
		if err != nil && ctx.Err() == nil {
			h.log.Warn("maps of local codes could not be read", "error", err)
		}
		if !sleep(ctx, mapsEvery) {
			return
		}
	}
}

// importMap stores a CSV file of local codes as a ConceptMap.
func importMap(ctx context.Context, args []string, env environment) error {
	set := flags("map import", env)
	id := set.String("id", "", "of the ConceptMap; a map of this id is replaced (the name of the file)")
	file, rest := named(args)
	if err := parse(set, rest, 0, 0); err != nil {
		return err
	}
	if file == "" {
		return usagef("map import: the file is needed first")
	}
	if *id == "" {
		*id = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	raw, err := readAll(file)
	if err != nil {
		return usagef("map import: %s cannot be read", file)
	}
	m, err := translate.ReadCSV(*id, raw)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if m.ID() != *id || strings.Trim(*id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") != "" || len(*id) > 64 {
		return usagef("map import: %q cannot be the id of a ConceptMap; --id names another", *id)
	}
	_, pool, done, err := migrated(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	resources := store.New(store.Config{Now: time.Now})
	resources.Attach(pool)
	if _, err := resources.Apply(ctx, []fhir.Change{{Method: fhir.Update, Type: "ConceptMap", ID: *id, Resource: m}}); err != nil {
		return err
	}
	codes := cdsstore.NewCodes(nil)
	codes.Attach(pool)
	for _, group := range m.Root().Children("group") {
		var list []string
		for _, element := range group.Children("element") {
			list = append(list, element.Child("code").String())
		}
		if err := codes.Forget(ctx, group.Child("source").String(), list); err != nil {
			return err
		}
		fmt.Fprintf(env.out, "%d codes of %s to %s\n", len(list), group.Child("source").String(), group.Child("target").String())
	}
	fmt.Fprintf(env.out, "ConceptMap/%s is stored; a running server uses it within %s\n", *id, mapsEvery)
	return nil
}

// mapCoverage prints how many of the codes that came are read, and which are not.
func mapCoverage(ctx context.Context, args []string, env environment) error {
	set := flags("map coverage", env)
	most := set.Int("most", 50, "how many unknown codes to list")
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	_, pool, done, err := migrated(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	codes := cdsstore.NewCodes(nil)
	codes.Attach(pool)
	shares, unknown, err := codes.Coverage(ctx, *most)
	if err != nil {
		return err
	}
	if err := table(env.out, "kind\tcame\tread\tshare", len(shares), func(i int) []string {
		s := shares[i]
		return []string{string(s.Kind), fmt.Sprint(s.Count), fmt.Sprint(s.Known), fmt.Sprintf("%.1f %%", 100*float64(s.Known)/float64(max(s.Count, 1)))}
	}); err != nil || len(unknown) == 0 {
		return err
	}
	fmt.Fprintln(env.out, "\nnot read, most frequent first:")
	return table(env.out, "kind\tsystem\tcode\tcame\tlast", len(unknown), func(i int) []string {
		u := unknown[i]
		if u.System == "" {
			u.System, u.Code = "words alone", ""
		}
		return []string{string(u.Kind), u.System, u.Code, fmt.Sprint(u.Count), u.LastSeen.UTC().Format(time.DateOnly)}
	})
}
