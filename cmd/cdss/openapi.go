package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
)

func printOpenAPI(_ context.Context, args []string, env environment) error {
	set := flags("openapi", env)
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	// The description is the same whatever the environment says.
	cfg, err := readConfig(nil)
	if err != nil {
		return err
	}
	h, err := newHouse(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	_, api, err := h.buildAPI(nil)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(env.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(api.OpenAPI()); err != nil {
		return fmt.Errorf("print the description of the API: %w", err)
	}
	return nil
}
